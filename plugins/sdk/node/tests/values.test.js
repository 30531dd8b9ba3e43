import assert from "node:assert/strict";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

// Each is an expression whose value goes through calyx, out of one node and into another, as a result and as an argument.
const values = [
  ...["null", "true", "0", "-7", "0.1", "1e300", "1e20", "2 ** 53", "-0", "NaN", "-Infinity", "5n", "2n ** 80n", "-(2n ** 63n)"],
  ...[`""`, `"häßlich \\u0000 😀"`, `"x".repeat(70000)`, "[]", "[1, [2.5, null]]", "{}", `{ b: 1, a: { c: [true] } }`],
  ...[`{ "$set": [1] }`, `JSON.parse('{"__proto__": 1}')`, "new Map([[1, 2], ['a', new Map()]])", "new Set([1, 'a'])"],
  ...["Buffer.from([1, 2, 255])", "{ b: Buffer.alloc(3) }"],
];
const results = [
  ...["undefined", "Buffer.alloc(100000, 7)", "Array.from({ length: 30000 }, (_, i) => i / 7)"],
  ...["new Float32Array([1, 2.5])", "new Float64Array(20000).fill(0.1)", "new BigInt64Array([1n, -1n])", "new Int8Array(0)"],
  ...["new calyx.NdArray(new Float32Array(6), [2, 3])", "new calyx.NdArray(new Uint8Array([1]), [1])", "{ w: new Float32Array([1]), n: [new Int16Array([3])] }"],
  ...["[new Float32Array([1]), new Float32Array([2, 3])]"],
];

test("what comes back equals what went in, types included", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `import { deepStrictEqual as same } from "node:assert";
    const values = [${[...values, ...results].map((v) => `() => (${v})`)}];
    const make = fn(async function make(i) { return values[i](); });
    const same_ = fn(async function same_(x) { return x; });
    const check = fn(async function check() {
      for (let i = 0; i < values.length; i++) {
        same(await make(i), values[i](), values[i].toString());
        if (i < ${values.length} && !(typeof values[i]() === "string" && values[i]().length > 1000)) same(await same_(values[i]()), values[i](), values[i].toString());
      }
      return values.length;
    });
    serve({ make, same_, check });`,
    ["make", "same_", "check"],
  );
  assert.equal(ws.get("check"), values.length + results.length);
});

test("integers and floats, and what is left out", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const whole = fn(async () => 1); const float = fn(async () => new calyx.Float(1)); const parts = fn(async () => [1, 0.5, new calyx.Float(2)]);
    const add = fn({ types: { x: "float" } }, async function add(x, y = 2) { return x + y; });
    const calls = fn(async function calls() { return [await add(1), await add(1, undefined), await add(1, 2)]; });
    serve({ whole, float, parts, add, calls });`,
    ["whole", "float", "parts", "add", "calls"],
  );
  assert.equal(ws.ok("get", "--json", "float").out.trim(), "1.0");
  assert.equal(ws.ok("get", "--json", "whole").out.trim(), "1");
  assert.match(ws.ok("get", "--json", "parts").out.replace(/\s/g, ""), /^\[1,0.5,2.0\]$/);
  assert.deepEqual(ws.get("calls"), [3, 3, 3]);
  assert.deepEqual(ws.runs("calls"), []);
});

test("files and folders are results", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `import fs from "node:fs"; import { join } from "node:path";
    const make = fn(async function make() { const d = calyx.outDir(); fs.mkdirSync(join(d, "t/u"), { recursive: true }); fs.writeFileSync(join(d, "t/u/a.txt"), "hello"); return new calyx.File(join(d, "t")); });
    const one = fn(async function one() { const p = join(calyx.scratch(), "b.txt"); fs.writeFileSync(p, "there"); return { file: new calyx.File(p) }; });
    const file = fn(async function file() { return (await one()).file; });
    const use = fn(async function use() { const tree = await make(); return [await tree.names(), await tree.file("u/a.txt").text(), await (await one()).file.text(), await (await file()).text()]; });
    serve({ make, one, file, use });`,
    ["make", "one", "file", "use"],
  );
  assert.deepEqual(ws.get("use"), [["u/a.txt"], "hello", "there", "there"]);
  assert.deepEqual(ws.runs(), []);
});

test("what only a node can have is no argument", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const take = fn(async function take(x) { return x; });
    const file = fn(async () => take({ data: [new calyx.File("a.txt")] }));
    const array = fn(async () => take(new Float32Array(2)));
    serve({ take, file, array });`,
    ["file", "array"],
  );
  assert.match(ws.fails("file"), /argument "x" is or holds a File, which cannot be an argument/);
  assert.match(ws.fails("array"), /argument "x" is or holds a Float32Array, which cannot be an argument/);
});

const refused = {
  "new Date(0)": /is a Date[^]*toISOString/,
  "() => 1": /is function/,
  "[undefined]": /\[0\] is undefined/,
  "new (class Model {})()": /is a Model/,
  "[Promise.resolve(1)]": /nobody awaited/,
  '"\\ud800"': /not Unicode/,
  "(() => { const a = []; a.push(a); return a; })()": /holds itself/,
  "new Uint8ClampedArray(1)": /Uint8ClampedArray/,
};

for (const [code, expected] of Object.entries(refused)) {
  test(`${code} cannot be kept`, (t) => {
    const ws = new Workspace(t);
    ws.program(`serve({ f: fn(async () => (${code})) });`, ["f"]);
    assert.match(ws.fails(), expected);
  });
}
