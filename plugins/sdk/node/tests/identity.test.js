import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

const PROGRAM = `import { one } from "./lib/one.js";
serve({ f: fn(async (x = 1) => one(x)) });
`;

function project(t, program = PROGRAM) {
  const ws = new Workspace(t);
  ws.write("package.json", '{ "type": "module" }');
  ws.write("lib/one.js", 'import { two } from "./two.js";\nexport const one = (x) => two(x) + 1;\n');
  ws.write("lib/two.js", "// A comment.\nexport function two(x) {\n  return x * 2;\n}\n");
  ws.write("lib/unused.js", "export const unused = 1;\n");
  ws.program(program, ["f"]);
  ws.runs();
  assert.deepEqual(ws.runs(), []);
  return ws;
}

const quiet = {
  "a comment": (ws) => ws.write("lib/two.js", "/* Another. */\nexport function two(x) {\n  return x * 2;\n}\n"),
  "formatting": (ws) => ws.write("lib/two.js", "export function two(\n  x,\n) { return (x * 2) }"),
  "another way to quote": (ws) => ws.write("lib/one.js", "import { two } from './two.js';\nexport const one = (x) => two(x) + 1;\n"),
  "a file that nothing imports": (ws) => ws.write("lib/unused.js", "export const unused = 2;\n"),
  "a renamed file": (ws) => {
    renameSync(join(ws.root, "lib/two.js"), join(ws.root, "lib/zwei.js"));
    ws.write("lib/one.js", 'import { two } from "./zwei.js";\nexport const one = (x) => two(x) + 1;\n');
  },
};

for (const [what, change] of Object.entries(quiet)) {
  test(`${what} does not count`, (t) => {
    const ws = project(t);
    change(ws);
    assert.deepEqual(ws.runs(), []);
  });
}

test("the code of an imported module counts", (t) => {
  const ws = project(t);
  ws.write("lib/two.js", "export function two(x) {\n  return x * 3;\n}\n");
  assert.equal(ws.get("f"), 4);
});

test("the version of a package counts, and one that was missing does when it appears", (t) => {
  const ws = new Workspace(t);
  const install = (version) => {
    ws.write("node_modules/dep/package.json", `{ "name": "dep", "version": "${version}", "main": "index.js" }`);
    ws.write("node_modules/dep/index.js", `module.exports = "${version}";`);
  };
  ws.write("package.json", '{ "type": "module" }');
  install("1.0.0");
  ws.program(`import dep from "dep"; serve({ f: fn(async () => dep) });`, ["f"]);
  assert.equal(ws.get("f"), "1.0.0");
  install("2.0.0");
  assert.equal(ws.get("f"), "2.0.0");
});

test("an import whose name only running shows widens to the project", (t) => {
  const ws = project(t, `const name = "one"; serve({ f: fn(async () => (await import("./lib/" + name + ".js")).one(1)) });`);
  ws.write("lib/two.js", "export const two = (x) => x * 3;\n");
  assert.equal(ws.get("f"), 4);
});

test("required modules and JSON count", (t) => {
  const ws = new Workspace(t);
  ws.write("lib.cjs", 'module.exports = require("./data.json").n;\n');
  ws.write("data.json", '{ "n": 1 }');
  ws.program(`import n from "./lib.cjs"; serve({ f: fn(async () => n) });`, ["f"]);
  assert.equal(ws.get("f"), 1);
  ws.write("data.json", '{ "n": 2 }');
  assert.equal(ws.get("f"), 2);
});
