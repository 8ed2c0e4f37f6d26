/**
 * The format of a message: the version, a value, and the bodies that were put off. A value is a tag
 * byte and what belongs to it. Sizes are unsigned LEB128; other numbers have the machine's byte order,
 * because a message never leaves the machine. Every object but a function has a number, in the order
 * of their tags, for later references to it.
 */
export const VERSION = 1;

/** 0x80 to 0xbf: the integers 0 to 63. */
export const SMALL = 0x80;
/** 0xc0 to 0xff: a string of 0 to 63 ASCII characters. */
export const SHORT = 0xc0;
export const SHORT_MAX = 63;

export const NULL = 0x01;
export const UNDEFINED = 0x02;
export const TRUE = 0x03;
export const FALSE = 0x04;
/** Four bytes. */
export const INT32 = 0x05;
/** Eight bytes. */
export const FLOAT64 = 0x06;
/** Eight bytes. */
export const BIGINT64 = 0x07;
/** A string of hexadecimal digits, after the sign if negative. */
export const BIGINT = 0x08;

/** A size in bytes, and a byte for each character. */
export const ASCII = 0x10;
/** A size in bytes. */
export const UTF8 = 0x11;
/** A size in bytes, two for each code unit: lone surrogates survive. */
export const UCS2 = 0x12;
/** The string of Symbol.for(). */
export const SYMBOL = 0x13;
/** The name of a property of Symbol. */
export const WELL_KNOWN_SYMBOL = 0x14;

/** The number of an object. */
export const REFERENCE = 0x20;
/** Fields: a count, then keys and values in turn. */
export const OBJECT = 0x21;
/** The same, without a prototype. */
export const NULL_OBJECT = 0x22;
/** A count, and the elements. */
export const ARRAY = 0x23;
/** Its length, and fields: for sparse arrays, and for those with more than elements. */
export const KEYED_ARRAY = 0x24;
/** Only in ARRAY: no element here. */
export const HOLE = 0x25;
/** Keys and values in turn, up to END. */
export const MAP = 0x26;
/** Members, up to END. */
export const SET = 0x27;
export const END = 0x28;
/** The name of a registered class, and fields. */
export const INSTANCE = 0x29;
/** The name of a registered class, and what its `reduce` gave. */
export const REDUCED = 0x2a;
/** A kind of class, its name, fields that are not enumerable, and fields that are. */
export const ERROR = 0x2b;
/** Before the tag of a container: its body is among those after the value. */
export const LATER = 0x2c;

/** A primitive. */
export const BOXED = 0x30;
/** Eight bytes. */
export const DATE = 0x31;
/** Two strings. */
export const REGEXP = 0x32;
/** A size in bytes, padding up to a multiple of 8, bytes. */
export const ARRAY_BUFFER = 0x33;
/** The number of a kind; then as ARRAY_BUFFER. */
export const VIEW = 0x34;

/** The name of a registered function or class. */
export const FUNCTION = 0x40;
/** The path of a module; the name of the export, or null for module.exports itself. */
export const EXPORT = 0x41;

/** Kinds of classes of errors: JavaScript's own, this library's, registered ones. */
export const NATIVE = 0;
export const LIBRARY = 1;
export const REGISTERED = 2;

/** As many containers are within each other before a body is put off: the stack is finite. */
export const NESTING = 64;

/** Kinds of views by number. */
export const views: readonly string[] = [
  'Buffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
];

/** The methods of Buffer that @types/node leaves out. They work on any Uint8Array. */
export interface StringMethods {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
  ucs2Write(text: string, offset: number): number;
}

export const stringMethods = Buffer.prototype as unknown as StringMethods;

/** Eight bytes as one number or the other. */
export const eight = new Uint8Array(8);
export const asFloat64 = new Float64Array(eight.buffer);
export const asBigInt64 = new BigInt64Array(eight.buffer);
