// Arguments and defaults as literals of the protocol: values that can stand in a node's name.

import { UnstorableError } from "./errors.js";
import { File } from "./files.js";
import { Float, writeJSON } from "./json.js";
import { isArray } from "./npy.js";

/**
 * @param {unknown} value
 * @param {string} where what to call the value in an error
 * @param {string} [type] the parameter's type
 */
export function literal(value, where, type) {
  if (value === undefined) throw new UnstorableError(`${where} is undefined; give null, or leave it out`);
  if (type === "float" && typeof value === "number") return { number: value };
  // JSON decides what can be kept, and in which form; so an argument and a result with the same value are written alike.
  return value instanceof Float ? { number: Number(value) } : fromText(writeJSON(value, where, refuseFiles(where)));
}

/** Files and arrays are values of nodes, and too long for names. */
const refuseFiles = (where) => (inner) => {
  const kind = inner instanceof File ? "File" : isArray(inner) && inner.constructor.name;
  if (kind) throw new UnstorableError(`${where} is or holds a ${kind}, which cannot be an argument; call the node that has it where it is used`);
};

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|(.))/y;

/** JSON.parse would make one number of 1 and 1.0. */
function fromText(text) {
  let at = 0;
  const next = () => {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    at = TOKEN.lastIndex;
    return token;
  };
  const list = (end, item) => {
    const items = [];
    if (text[at] === end) return at++, items;
    do items.push(item());
    while (next()[3] === ",");
    return items;
  };
  const entry = () => {
    const key = JSON.parse(next()[1]);
    at++;
    return { key, value: parse() };
  };
  const word = (rest, value) => ((at += rest), value);
  const parse = () => {
    const [, string, number, mark] = next();
    if (string) return { text: JSON.parse(string) };
    if (number) return numeric(number);
    switch (mark) {
      case "[":
        return { list: { items: list("]", parse) } };
      case "{":
        return { map: { entries: list("}", entry) } };
      case "n":
        return word(3, { none: true });
      case "t":
        return word(3, { boolean: true });
      default:
        return word(4, { boolean: false });
    }
  };
  return parse();
}

const INT64 = 1n << 63n;

function numeric(text) {
  if (/[.e]/.test(text)) return { number: Number(text) };
  const value = BigInt(text);
  return value >= -INT64 && value < INT64 ? { integer: text } : { bigInteger: text };
}
