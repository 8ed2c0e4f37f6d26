/** What the numbers in the frames between a pool and its workers mean. */

// To a worker: the number of the function, and how to call it.
/** The payload is the arguments. */
export const CALL = 0;
/** The payload is a list of single arguments; so is the result of results. */
export const MAP = 1;
/** The payload is a list of lists of arguments. */
export const STARMAP = 2;
/** The payload is lists: of first arguments, of second ones and so on; the result is Outcomes. */
export const EACH = 3;
/** No task: those before it were recalled, those after it are not. */
export const RESUME = 4;
export type Kind = typeof CALL | typeof MAP | typeof STARMAP | typeof EACH;

// To the parent: the microseconds that the task took, and what the payload is.
export const RETURNED = 0;
export const THREW = 1;
/** The texts of the result that cannot cross and of the reason. */
export const UNSENDABLE = 2;
/** The error of the initializer; the worker ends. */
export const NOT_INITIALIZED = 3;
/** The worker came to a RESUME; there is no payload, and no task. */
export const RESUMED = 4;

/** In the parent, in place of one of these: the payload is being decoded. */
export const UNREAD = -1;
