// Plain values as JSON, and back with their types.
//
// What JSON has is written as it is: a number that is whole and exact is an integer, every other number is a float and gets a point or
// an exponent. All else is an object with one key that begins with "$", in the forms that the Python SDK uses too where both languages
// have such a thing: {"$set": [1, 2]}. An object of the user with such a key is written as {"$dict": [[key, value], …]}.

import { UnstorableError } from "./errors.js";

/** How deep values may be nested: one that holds itself must end somewhere. */
const DEEPEST = 100;

/**
 * @param {unknown} value
 * @param {string} where what to call the value in an error
 * @param {(value: object) => string | undefined} [other] writes objects that this module does not know
 * @returns {string}
 */
export function writeJSON(value, where, other = () => undefined) {
  return write(value, where, 0, other);
}

function write(value, where, depth, other) {
  switch (typeof value) {
    case "boolean":
      return String(value);
    case "number":
      return number(value);
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? `{"$bigint":"${value}"}` : String(value);
    case "string":
      if (!value.isWellFormed()) throw new UnstorableError(`${where} is text that is not Unicode; use a Buffer`);
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      if (depth > DEEPEST) throw new UnstorableError(`${where} is nested more than ${DEEPEST} deep, or holds itself`);
      return container(value, where, depth, other);
    default:
      throw unstorable(value, where);
  }
}

function number(value) {
  if (!Number.isFinite(value)) return `{"$float":"${value === Infinity ? "inf" : value === -Infinity ? "-inf" : "nan"}"}`;
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return Number.isSafeInteger(value) || /[.e]/.test(text) ? text : text + ".0";
}

function container(value, where, depth, other) {
  const list = (values) => `[${values.map((v, i) => write(v, `${where}[${i}]`, depth + 1, other)).join()}]`;
  if (Array.isArray(value)) return list(Array.from(value));
  if (value instanceof Float) return float(Number(value));
  if (value instanceof Uint8Array) return `{"$bytes":"${Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64")}"}`;
  if (value instanceof Set) return `{"$set":${list([...value])}}`;
  if (value instanceof Map) return `{"$OrderedDict":[${[...value].map(list).join()}]}`;
  const written = other(value);
  if (written !== undefined) return written;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unstorable(value, where);
  if (Object.getOwnPropertySymbols(value).length > 0) throw new UnstorableError(`${where} has a key that is a symbol; keys are strings`);
  const entries = Object.entries(value);
  if (entries.some(([key]) => key.startsWith("$"))) return `{"$dict":[${entries.map(list).join()}]}`;
  const pair = ([key, v]) => `${write(key, `a key of ${where}`, depth, other)}:${write(v, `${where}.${key}`, depth + 1, other)}`;
  return `{${entries.map(pair).join()}}`;
}

/** A number that is a float also where it is whole, for functions in languages that keep the two apart. */
export class Float extends Number {}

const float = (value) => (Number.isSafeInteger(value) && !Object.is(value, -0) ? value + ".0" : number(value));

/** @returns {UnstorableError} the error for a value of a type that calyx does not keep. */
function unstorable(value, where) {
  if (value instanceof Date) return new UnstorableError(`${where} is a Date, which calyx cannot keep; use toISOString() or getTime()`);
  if (value instanceof Promise) return new UnstorableError(`${where} is a promise that nobody awaited; write await before it`);
  const type = typeof value === "object" ? `a ${value.constructor?.name ?? "strange object"}` : typeof value;
  return new UnstorableError(
    `${where} is ${type}, which calyx cannot keep; it keeps null, booleans, numbers, BigInts, strings, Buffers, arrays, plain objects, ` +
      "Maps, Sets, typed arrays, NdArray and File",
  );
}

/**
 * @param {string} text
 * @param {(tag: string, content: unknown, read: (content: unknown) => unknown) => unknown} [other] reads tags that this module does not know
 */
export function readJSON(text, other = unknownForm) {
  return read(JSON.parse(exact(text)), other);
}

/** Integers that a number cannot hold become BigInts: JSON.parse alone would round them. */
function exact(text) {
  if (!/\d{16}/.test(text)) return text;
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `{"$bigint":"${token}"}` : token,
  );
}

function read(value, other) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = read(value[i], other);
    return value;
  }
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0].startsWith("$")) return tagged(keys[0], value[keys[0]], other);
  for (const key of keys) define(value, key, read(value[key], other));
  return value;
}

/** A key may be "__proto__", which an assignment would not make a key. */
const define = (object, key, value) => Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });

const FLOATS = { inf: Infinity, "-inf": -Infinity, nan: NaN };

function tagged(tag, content, other) {
  switch (tag) {
    case "$float":
      return FLOATS[content];
    case "$bigint":
      return BigInt(content);
    case "$bytes":
    case "$bytearray":
      return Buffer.from(content, "base64");
    case "$set":
    case "$frozenset":
      return new Set(read(content, other));
    case "$tuple":
      return read(content, other);
    case "$OrderedDict":
      return new Map(read(content, other));
    case "$dict":
      return dictionary(read(content, other));
    default:
      return other(tag, content, (inner) => read(inner, other));
  }
}

function dictionary(pairs) {
  if (!pairs.every(([key]) => typeof key === "string")) return new Map(pairs);
  return pairs.reduce((object, [key, value]) => define(object, key, value), {});
}

function unknownForm(tag) {
  throw new UnstorableError(`a value has the form ${JSON.stringify(tag)}, which only another language knows`);
}
