/** A progress bar for the terminal. */

import { SingleBar, Presets } from 'cli-progress';

import { main } from '../realm';

/**
 * A function for the option `onProgress`: draws a bar on stderr, if that is a terminal; draws nothing
 * otherwise.
 *
 * @example pool.map(hash, files, { onProgress: progressBar('hashing') })
 */
export function progressBar(title = 'progress'): (done: number, total: number) => void {
  const bar = new SingleBar(
    {
      format: `${title} {bar} {percentage}% | {value}/{total} | {eta_formatted}`,
      stream: main.process.stderr,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return (done, total) => {
    if (!main.process.stderr.isTTY) return;
    if (!started) bar.start(Number.isFinite(total) ? total : 0, 0);
    started = true;
    if (!Number.isFinite(total)) bar.setTotal(done);
    bar.update(done);
    if (done === total) bar.stop();
  };
}
