/** Workers that are killed while they work. */

import { activeChildren, Process } from 'multiproc';

import { isAlive, numbers, sleep } from './pool';

/** A square that takes long enough to be killed in. */
export function busySquare(x: number): number {
  for (let i = 0; i < 20_000; i++) Math.sqrt(i);
  return x * x;
}

/** Kills some children of this process in the next milliseconds; its exit code says how many. */
export function startKiller(random: (limit: number) => number): Process {
  const moments = numbers(1 + random(3)).map(() => random(6));
  const victims = activeChildren().map((child) => child.pid!);
  const killer = new Process({
    target: () => {
      let kills = 0;
      for (const moment of moments) {
        sleep(moment / 1000);
        const [victim] = victims.splice(random(victims.length), 1);
        if (victim === undefined || !isAlive(victim)) continue;
        process.kill(victim, 'SIGKILL');
        kills += 1;
      }
      process.exitCode = kills;
    },
  });
  killer.start();
  return killer;
}
