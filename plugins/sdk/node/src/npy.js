// Arrays of numbers in NumPy's format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { UnstorableError } from "./errors.js";

const KINDS = {
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "<i2": Int16Array,
  "<u2": Uint16Array,
  "<i4": Int32Array,
  "<u4": Uint32Array,
  "<i8": BigInt64Array,
  "<u8": BigUint64Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
};

/** An array of any shape, in C order. */
export class NdArray {
  /**
   * @param {ArrayBufferView} data
   * @param {number[]} shape
   */
  constructor(data, shape) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length) throw new RangeError(`NdArray: ${data.length} elements do not fill the shape [${shape}]`);
    this.data = data;
    this.shape = shape;
  }
}

/** Tell whether a value is an array that this format takes. A Uint8Array is bytes. */
export const isArray = (value) => value instanceof NdArray || (ArrayBuffer.isView(value) && !(value instanceof Uint8Array));

/** @returns {Buffer} */
export function writeNpy(value, where) {
  const { data, shape } = value instanceof NdArray ? value : { data: value, shape: [value.length] };
  const kind = Object.keys(KINDS).find((k) => data.constructor === KINDS[k]);
  if (!kind) throw new UnstorableError(`${where} is a ${data.constructor.name}, for which NumPy's format has no type; copy it to another`);
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const head = Buffer.alloc(length, " ");
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(length - 10, 8);
  head.write(text, 10, "latin1");
  head[length - 1] = 10;
  return Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/** @returns a typed array for one dimension, an NdArray for others and for bytes; undefined for a type that JavaScript lacks. */
export function readNpy(bytes) {
  const wide = bytes[6] > 1;
  const start = wide ? 12 : 10;
  const end = start + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString("latin1", start, end);
  const kind = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (shape === undefined || !KINDS[kind] || /'fortran_order':\s*True/.test(header)) return undefined;
  const dimensions = shape.split(",").map((n) => n.trim()).filter(Boolean).map(Number);
  // A copy, because elements must be aligned in memory.
  const data = new KINDS[kind](Uint8Array.prototype.slice.call(bytes, end).buffer);
  return dimensions.length === 1 && kind !== "|u1" ? data : new NdArray(data, dimensions);
}
