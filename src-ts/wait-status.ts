/** The status that waitpid(2) reports: sys/wait.h. */

/** Return at once when no child has ended. */
export const WNOHANG = 1;
/** Report stopped children as well. */
export const WUNTRACED = 2;

/** The child ended by exit. */
export const WIFEXITED = (status: number): boolean => (status & 0x7f) === 0;
/** The exit code, 0 to 255, if WIFEXITED. */
export const WEXITSTATUS = (status: number): number => (status >> 8) & 0xff;
/** The child was ended by a signal. */
export const WIFSIGNALED = (status: number): boolean =>
  (status & 0x7f) !== 0 && !WIFSTOPPED(status) && !WIFCONTINUED(status);
/** The signal that ended the child, if WIFSIGNALED. */
export const WTERMSIG = (status: number): number => status & 0x7f;
/** The child wrote a core file, if WIFSIGNALED. */
export const WCOREDUMP = (status: number): boolean => (status & 0x80) !== 0;
/** The child is stopped (WUNTRACED). */
export const WIFSTOPPED = (status: number): boolean => (status & 0xff) === 0x7f;
/** The signal that stopped the child, if WIFSTOPPED. */
export const WSTOPSIG = (status: number): number => (status >> 8) & 0xff;
/** The child goes on after a stop. */
export const WIFCONTINUED = (status: number): boolean => status === 0xffff;

/** The exit code as Process.exitcode has it: 0 to 255, or -N after signal N. */
export function exitcodeOf(status: number): number {
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
