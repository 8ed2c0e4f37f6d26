/** A module that is one function. */

function alone(): string {
  return 'alone';
}

let loads = 0;
const lazy = { enumerable: true, get: () => ++loads };

module.exports = Object.defineProperties(alone, {
  lazy,
  loads: { value: () => loads },
});
