import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync } from "node:fs";
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

test("which of the imported modules a name is taken from counts", (t) => {
  const from = (module) => `import { name as a } from "./lib/a.js";
import { name as b } from "./lib/b.js";
import { name } from "./lib/${module}.js";
serve({ f: fn(async () => [a, b, name]) });
`;
  const ws = new Workspace(t);
  ws.write("package.json", '{ "type": "module" }');
  for (const name of ["a", "b"]) ws.write(`lib/${name}.js`, `export const name = "${name}";\n`);
  ws.program(from("a"), ["f"]);
  assert.deepEqual(ws.get("f"), ["a", "b", "a"]);
  ws.program(from("b"), ["f"]);
  assert.deepEqual(ws.get("f"), ["a", "b", "b"]);
});

test("a query behind the name of a module counts", (t) => {
  const ws = new Workspace(t);
  ws.write("package.json", '{ "type": "module" }');
  ws.write("lib/query.js", "export const query = new URL(import.meta.url).search;\n");
  for (const query of ["?1", "?2"]) {
    ws.program(`import { query } from "./lib/query.js${query}";\nserve({ f: fn(async () => query) });\n`, ["f"]);
    assert.equal(ws.get("f"), query);
  }
});

test("the name of a module that asks for it counts", (t) => {
  const ws = new Workspace(t);
  ws.write("package.json", '{ "type": "module" }');
  const program = (name) => ws.program(`import { name } from "./lib/${name}.js";\nserve({ f: fn(async () => name) });\n`, ["f"]);
  ws.write("lib/one.js", 'import { basename } from "node:path";\nexport const name = basename(import.meta.url);\n');
  program("one");
  assert.equal(ws.get("f"), "one.js");
  renameSync(join(ws.root, "lib/one.js"), join(ws.root, "lib/two.js"));
  program("two");
  assert.equal(ws.get("f"), "two.js");
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

test("a new source counts where all sources do", (t) => {
  const ws = project(t, `const name = "late"; serve({ f: fn(async () => { try { return (await import("./lib/" + name + ".js")).n; } catch { return 0; } }) });`);
  assert.equal(ws.get("f"), 0);
  ws.write("lib/late.js", "export const n = 1;\n");
  assert.equal(ws.get("f"), 1);
});

const spelled = {
  "a file under a URL with a query": 'import { two } from "./lib/two.js?fresh=1";',
  "a file under a URL with an escape": 'import { two } from "./lib/%74wo.js";',
  "a file under an address": (ws) => `import { two } from "file://${ws.root}/lib/two.js";`,
  "what a require of another name loads": 'import { createRequire } from "node:module"; const load = createRequire(import.meta.url); const { two } = load("./lib/c.cjs");',
  "what a require that nobody named loads": 'import { createRequire } from "node:module"; const { two } = createRequire(import.meta.url)("./lib/c.cjs");',
  "what a require of names in a list loads": 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); const [{ two }] = ["./lib/c.cjs"].map((name) => require(name));',
  "a name of the project's package.json": 'import { two } from "#two";',
};

for (const [what, line] of Object.entries(spelled)) {
  test(`${what} counts`, (t) => {
    const ws = new Workspace(t);
    ws.write("package.json", '{ "type": "module", "imports": { "#two": { "import": "./lib/two.js", "require": "./lib/c.cjs" } } }');
    ws.write("lib/two.js", "export const two = (x) => x * 2;\n");
    ws.write("lib/c.cjs", "exports.two = (x) => x * 2;\n");
    ws.program(`${typeof line === "string" ? line : line(ws)}\nserve({ f: fn(async (x = 1) => two(x)) });`, ["f"]);
    assert.equal(ws.get("f"), 2);
    assert.deepEqual(ws.runs(), []);
    ws.write("lib/two.js", "export const two = (x) => x * 3;\n");
    ws.write("lib/c.cjs", "exports.two = (x) => x * 3;\n");
    assert.equal(ws.get("f"), 3);
  });
}

test("a change of what package.json makes of a name counts", (t) => {
  const ws = new Workspace(t);
  const points = (to) => ws.write("package.json", `{ "type": "module", "imports": { "#n": "./${to}.js" } }`);
  ws.write("one.js", "export default 1;\n");
  ws.write("two.js", "export default 2;\n");
  points("one");
  ws.program(`import n from "#n"; serve({ f: fn(async () => n) });`, ["f"]);
  assert.equal(ws.get("f"), 1);
  points("two");
  assert.equal(ws.get("f"), 2);
});

test("a package that is linked from the project counts as it is imported", (t) => {
  const ws = new Workspace(t);
  ws.write("packages/lib/package.json", '{ "name": "lib", "version": "1.0.0", "exports": { "import": "./esm.mjs", "require": "./c.cjs" } }');
  ws.write("packages/lib/esm.mjs", "export default 1;\n");
  ws.write("packages/lib/c.cjs", "module.exports = 1;\n");
  ws.write("package.json", '{ "type": "module" }');
  symlinkSync("../packages/lib", join(ws.root, "node_modules/lib"));
  ws.program(`import n from "lib"; serve({ f: fn(async () => n) });`, ["f"]);
  assert.equal(ws.get("f"), 1);
  ws.write("packages/lib/esm.mjs", "export default 2;\n");
  assert.equal(ws.get("f"), 2);
});

test("a package that is installed in place of a link counts", (t) => {
  const ws = new Workspace(t);
  const lib = (folder, version, text) => {
    ws.write(`${folder}/package.json`, `{ "name": "lib", "version": "${version}", "type": "module", "exports": "./lib.js" }`);
    ws.write(`${folder}/lib.js`, `export const text = "${text}";\n`);
  };
  lib("packages/lib", "1.0.0", "linked");
  ws.write("package.json", '{ "type": "module" }');
  symlinkSync("../packages/lib", join(ws.root, "node_modules/lib"));
  ws.program(`import { text } from "lib"; serve({ f: fn(async () => text) });`, ["f"]);
  assert.equal(ws.get("f"), "linked");
  rmSync(join(ws.root, "node_modules/lib"));
  lib("node_modules/lib", "1.0.1", "installed");
  assert.equal(ws.get("f"), "installed");
});

test("the words of the command line count", (t) => {
  const ws = project(t, "serve({ f: fn(async () => [process.argv[2] ?? null, process.execArgv[0] ?? null]) });\n");
  for (const words of [["--conditions=a", "p.js"], ["p.js", "de"], ["p.js", "en"]]) {
    ws.write("Calyxfile", `p = plugin("p", cmd = ["node", "${words.join('", "')}"])\nstep("f", run = p.f)\n`);
    assert.deepEqual(ws.get("f"), words[0] === "p.js" ? [words[1], null] : [null, words[0]]);
  }
});

test("the version of a package that only a package needs counts without npm's record too", (t) => {
  const ws = new Workspace(t);
  const install = (version) => {
    ws.write("node_modules/sub/package.json", `{ "name": "sub", "version": "${version}" }`);
    ws.write("node_modules/sub/index.js", `module.exports = "${version}";`);
  };
  ws.write("package.json", '{ "type": "module" }');
  ws.write("node_modules/dep/package.json", '{ "name": "dep", "version": "1.0.0", "dependencies": { "sub": "*" } }');
  ws.write("node_modules/dep/index.js", 'module.exports = require("sub");');
  install("1.0.0");
  ws.program(`import dep from "dep"; serve({ f: fn(async () => dep) });`, ["f"]);
  assert.equal(ws.get("f"), "1.0.0");
  install("2.0.0");
  assert.equal(ws.get("f"), "2.0.0");
});

test("the code of a worker counts", (t) => {
  const ws = new Workspace(t);
  const worker = (n) => ws.write("worker.js", `import { parentPort } from "node:worker_threads"; parentPort.postMessage(${n});\n`);
  ws.write("package.json", '{ "type": "module" }');
  worker(1);
  ws.program(
    `import { Worker } from "node:worker_threads";
     const run = () => new Promise((done) => new Worker(new URL("./worker.js", import.meta.url)).once("message", done));
     serve({ f: fn(async () => await run()) });`,
    ["f"],
  );
  assert.equal(ws.get("f"), 1);
  worker(2);
  assert.equal(ws.get("f"), 2);
});

test("a text that is also the name of a module counts", (t) => {
  const ws = project(t, `import "./lib/unused.js"; import { one } from "./lib/one.js"; serve({ f: fn(async () => [one(1), "./lib/one.js"]) });`);
  ws.write("p.js", ws.read("p.js").replace(', "./lib/one.js"]', ', "./lib/unused.js"]'));
  assert.deepEqual(ws.get("f"), [3, "./lib/unused.js"]);
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

// Each is looked for before what is there, or in vain.
const appearing = {
  "opt.js": "module.exports = 2;",
  "opt.json": "2",
  "opt/index.js": "module.exports = 2;",
  "folder.js": "module.exports = 2;",
  "folder/package.json": '{ "main": "main.js" }',
  "described/package.json": '{ "main": "main.js" }',
  "node_modules/opt/package.json": '{ "main": "../../folder/main.js" }',
};

for (const [name, text] of Object.entries(appearing)) {
  test(`${name} counts when it appears`, (t) => {
    const ws = new Workspace(t);
    ws.write("folder/index.js", "module.exports = 1;");
    ws.write("folder/main.js", "module.exports = 2;");
    ws.write("described/package.json", '{ "main": "other.js" }');
    ws.write("described/other.js", "module.exports = 1;");
    ws.write("described/main.js", "module.exports = 2;");
    ws.program(
      `const { createRequire } = await import("node:module");
      const require = createRequire(import.meta.url);
      const found = [require("./folder"), require("./described")];
      try { found.push(require("./opt")); } catch {}
      try { found.push(require("opt")); } catch {}
      serve({ f: fn(async () => found) });`,
      ["f"],
    );
    assert.deepEqual(ws.get("f"), [1, 1]);
    assert.deepEqual(ws.runs(), []);
    ws.write(name, text);
    assert.ok(ws.get("f").includes(2));
  });
}

// Each is a project in which an edit changes what f returns: [files, edit, the words of the command].
const MODULE = '{ "type": "module" }';
const dual = (n) => ({
  "node_modules/dep/package.json": `{ "name": "dep", "version": "${n}.0.0", "exports": { "import": "./esm.mjs", "require": "./cjs/dep.js" } }`,
  "node_modules/dep/esm.mjs": `export default ${n};`,
  "node_modules/dep/cjs/dep.js": `module.exports = ${n};`,
});
const edits = {
  "the kind of modules that a package.json says, once there is one": [
    { "package.json": "{}", "lib/kind.js": "globalThis.n = this === undefined ? 2 : 1;", "app/package.json": MODULE, "app/p.js": 'import "../lib/kind.js"; const n = globalThis.n;' },
    { "lib/package.json": MODULE },
  ],
  "the version of a package with a package.json within": [{ "p.js": 'import n from "dep";', "node_modules/dep/cjs/package.json": '{ "type": "commonjs" }', ...dual(1) }, dual(2)],
  "a module that a package imports from itself": [
    { "package.json": '{ "name": "own", "type": "module", "exports": { "./n": { "import": "./n.js" } } }', "n.js": "export default 1;", "p.js": 'import n from "own/n";' },
    { "n.js": "export default 2;" },
  ],
  "what Node is told to require before the program": [{ "before.cjs": "globalThis.n = 1;", "p.js": "" }, { "before.cjs": "globalThis.n = 2;" }, ["-r", "./before.cjs"]],
  "what is imported before the program": [
    { "before.js": 'import { n } from "./n.js"; globalThis.n = n;', "n.js": "export const n = 1;", "p.js": "" },
    { "n.js": "export const n = 2;" },
    ["--import=./before.js"],
  ],
  "a file of variables": [{ "n.env": "N=1", "p.js": "const n = Number(process.env.N);" }, { "n.env": "N=2" }, ["--env-file=n.env"]],
  "a file of variables that the program loads": [{ ".env": "N=1", "p.js": "process.loadEnvFile(); const n = Number(process.env.N);" }, { ".env": "N=2" }],
  "a module behind a link, where all sources count": [
    { "app/package.json": MODULE, "app/lib/": "../other", "other/package.json": MODULE, "other/n.js": "export const n = 1;", "app/p.js": 'const name = "n"; const { n } = await import(`./lib/${name}.js`);' },
    { "other/n.js": "export const n = 2;" },
    ["--preserve-symlinks"],
  ],
  "a link to another folder, where all sources count": [
    { "lib/": "one", "one/n.js": "export const n = 1;", "two/n.js": "export const n = 2;", "p.js": 'const name = "n"; const { n } = await import(`./lib/${name}.js`);' },
    { "lib/": "two" },
  ],
  "a link to an installed package": [
    {
      "node_modules/dep/": ".store/dep-1/dep",
      "node_modules/.store/dep-1/dep/package.json": '{ "name": "dep", "version": "1.0.0", "main": "dep.js" }',
      "node_modules/.store/dep-1/dep/dep.js": "module.exports = 1;",
      "node_modules/.store/dep-2/dep/package.json": '{ "name": "dep", "version": "2.0.0", "main": "dep.js" }',
      "node_modules/.store/dep-2/dep/dep.js": "module.exports = 2;",
      "p.js": 'import n from "dep";',
    },
    { "node_modules/dep/": ".store/dep-2/dep" },
  ],
  "a module beyond the package, of which only the beginning of its name shows,": [
    {
      "app/package.json": MODULE,
      "app/p.js": 'const name = "n"; const { default: n } = await import("../shared/" + name + ".js");',
      "shared/package.json": MODULE,
      "shared/n.js": "export default 1;",
    },
    { "shared/n.js": "export default 2;" },
  ],
  "the module of a child process": [
    {
      "child.js": "process.send(1);",
      "p.js": 'import { fork } from "node:child_process"; const n = await new Promise((done) => fork(new URL("child.js", import.meta.url)).once("message", done));',
    },
    { "child.js": "process.send(2);" },
  ],
  "the module of a worker that lies beside": [
    {
      "worker.js": 'import { parentPort } from "node:worker_threads"; parentPort.postMessage(1);',
      "p.js": 'import { Worker } from "node:worker_threads"; const n = await new Promise((done) => new Worker(new URL("worker.js", import.meta.url)).once("message", done));',
    },
    { "worker.js": 'import { parentPort } from "node:worker_threads"; parentPort.postMessage(2);' },
  ],
  "the main module of a folder that is started": [
    { "package.json": '{ "type": "module", "main": "app/p.js" }', "app/p.js": 'import n from "./n.js";', "app/n.js": "export default 1;" },
    { "app/n.js": "export default 2;" },
    [],
    ".",
  ],
  "a program that is named without its ending": [{ "package.json": "{}", "p.js": 'const { n } = require("./n");', "n.js": "exports.n = 1;" }, { "n.js": "exports.n = 2;" }, [], "p"],
};

function writeAll(ws, files) {
  for (const [name, text] of Object.entries(files)) {
    if (!name.endsWith("/")) ws.write(name, text);
    else {
      rmSync(join(ws.root, name.slice(0, -1)), { force: true });
      symlinkSync(text, join(ws.root, name.slice(0, -1)));
    }
  }
}

for (const [what, [files, edit, words = [], program]] of Object.entries(edits)) {
  test(`${what} counts`, (t) => {
    const ws = new Workspace(t);
    const name = Object.keys(files).find((path) => /(^|\/)p\.js$/.test(path));
    const serves = files[name].includes("require(")
      ? '\nimport("@calyx-build/sdk").then(({ fn, serve }) => serve({ f: fn(async () => n) }));'
      : '\nimport { fn, serve } from "@calyx-build/sdk"; serve({ f: fn(async () => n) });';
    const folders = Object.entries(files).filter(([path]) => path.endsWith("/"));
    writeAll(ws, { "package.json": MODULE, ...Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith("/"))), [name]: files[name] + serves });
    writeAll(ws, Object.fromEntries(folders));
    ws.write("Calyxfile", `p = plugin("p", cmd = ${JSON.stringify(["node", ...words, program ?? name])})\nstep("f", run = p.f)\n`);
    assert.equal(ws.get("f"), 1);
    assert.deepEqual(ws.runs(), []);
    writeAll(ws, edit);
    assert.equal(ws.get("f"), 2);
  });
}

test("a package.json counts by the kind of modules that it says alone", (t) => {
  const ws = project(t);
  ws.write("package.json", '{ "type": "module", "description": "a project" }');
  assert.deepEqual(ws.runs(), []);
});

test("a module that takes its own name from import.meta counts with it", (t) => {
  const ws = new Workspace(t);
  ws.write("package.json", MODULE);
  const program = (name) => ws.program(`import { own } from "./lib/${name}.js";\nserve({ f: fn(async () => own) });\n`, ["f"]);
  ws.write("lib/one.js", 'const { url } = import.meta;\nexport const own = url.split("/").pop();\n');
  program("one");
  assert.equal(ws.get("f"), "one.js");
  renameSync(join(ws.root, "lib/one.js"), join(ws.root, "lib/two.js"));
  program("two");
  assert.equal(ws.get("f"), "two.js");
});

test("data beside a module counts for the node that reads it", (t) => {
  const ws = project(t, `import fs from "node:fs"; serve({ f: fn(async () => 1), g: fn(async () => JSON.parse(fs.readFileSync(new URL("./data.json", import.meta.url)))) });`);
  ws.write("data.json", "1");
  ws.write("Calyxfile", 'p = plugin("p", cmd = ["node", "p.js"])\nuse(p)\n');
  assert.deepEqual(ws.runs("f", "g"), ["g"]);
  ws.write("data.json", "2");
  assert.deepEqual(ws.runs("f", "g"), ["g"]);
});

test("what an editor leaves beside sources is no source", (t) => {
  const ws = project(t, `const name = "one"; serve({ f: fn(async () => (await import("./lib/" + name + ".js")).one(1)) });`);
  symlinkSync("me@host.123", join(ws.root, "lib/.#two.js"));
  assert.deepEqual(ws.runs(), []);
});
