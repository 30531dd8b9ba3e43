// Projects in TypeScript, which a loader compiles while the program is loaded. The one here knows a single annotation, and finds modules
// by the paths of a tsconfig.json, as tsx and ts-node do.

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

const LOADER = `import { register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
export async function resolve(specifier, context, next) {
  const base = JSON.parse(readFileSync("tsconfig.base.json", "utf8"));
  const path = base.compilerOptions.paths[specifier]?.[0];
  return next(path ? pathToFileURL(path).href : specifier, context);
}
export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  return { format: "module", shortCircuit: true, source: readFileSync(fileURLToPath(url), "utf8").replaceAll(": number", "") };
}
\`));
`;

const FILES = {
  "package.json": '{ "name": "root", "private": true }',
  "loader.mjs": LOADER,
  "tsconfig.base.json": '{ "compilerOptions": { "paths": { "@paths/one": ["./paths/one.ts"] } } }',
  "app/package.json": '{ "name": "app", "type": "module" }',
  "app/tsconfig.json": '{\n  // What all projects have.\n  "extends": "../tsconfig.base.json"\n}',
  "app/p.ts": `import { fn, serve } from "@calyx-build/sdk";
import { helper } from "./helper.ts";
import { beyond } from "../beyond/beyond.ts";
import { linked } from "@own/linked";
import dep from "dep";
import { path } from "@paths/one";
serve({ f: fn(async (unused: number = 1) => [helper, beyond, linked, dep, path]) });
`,
  "app/helper.ts": "export const helper: number = 1;\n",
  "beyond/package.json": '{ "type": "module" }',
  "beyond/beyond.ts": "export const beyond: number = 1;\n",
  "linked/package.json": '{ "name": "@own/linked", "type": "module", "exports": { "import": "./src/index.ts" } }',
  "linked/src/index.ts": 'export * from "./linked.ts";\n',
  "linked/src/linked.ts": "export const linked: number = 1;\n",
  "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "main": "dep.js" }',
  "node_modules/dep/dep.js": "module.exports = 1;\n",
  "paths/package.json": '{ "type": "module" }',
  "paths/one.ts": "export const path: number = 1;\n",
  "paths/two.ts": "export const path: number = 2;\n",
};

const edits = [
  ["app/helper.ts", "export const helper: number = 2;\n"],
  ["beyond/beyond.ts", "export const beyond: number = 2;\n"],
  ["linked/src/linked.ts", "export const linked: number = 2;\n"],
  ["node_modules/dep/package.json", FILES["node_modules/dep/package.json"].replace("1.0.0", "2.0.0")],
  ["paths/one.ts", "export const path: number = 2;\n"],
  ["tsconfig.base.json", FILES["tsconfig.base.json"].replace("one.ts", "two.ts")],
];

for (const [i, [name, text]] of edits.entries()) {
  test(`${name} counts for a program in TypeScript`, (t) => {
    const ws = new Workspace(t);
    for (const [path, content] of Object.entries(FILES)) ws.write(path, content);
    mkdirSync(join(ws.root, "node_modules/@own"));
    symlinkSync("../../linked", join(ws.root, "node_modules/@own/linked"));
    ws.write("Calyxfile", 'p = plugin("p", cmd = ["node", "--import", "./loader.mjs", "app/p.ts"])\nstep("f", run = p.f)\n');
    assert.deepEqual(ws.get("f"), [1, 1, 1, 1, 1]);
    assert.deepEqual(ws.runs(), []);
    ws.write(name, text);
    if (name.includes("dep")) ws.write("node_modules/dep/dep.js", "module.exports = 2;\n");
    const changed = [1, 1, 1, 1, 1];
    changed[Math.min(i, 4)] = 2;
    assert.deepEqual(ws.get("f"), changed);
  });
}
