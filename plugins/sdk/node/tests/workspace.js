// A workspace per test, in which the real calyx runs real plugins.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SDK = fileURLToPath(new URL("..", import.meta.url));

const HEAD = 'import * as calyx from "@calyx-build/sdk";\nconst { Pipeline, fn, pipeline, stored, serve } = calyx;\n';

export class Workspace {
  /** Variables of the user. */
  environ = {};

  constructor(t) {
    this.root = mkdtempSync(join(tmpdir(), "calyx-node-"));
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    mkdirSync(join(this.root, "node_modules/@calyx-build"), { recursive: true });
    symlinkSync(SDK, join(this.root, "node_modules/@calyx-build/sdk"));
  }

  write(name, text) {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    writeFileSync(join(this.root, name), text);
  }

  read(name) {
    return readFileSync(join(this.root, name), "utf8");
  }

  /** Write the program `p.js`, and a Calyxfile with the functions that are named and further lines. */
  program(text, steps, ...lines) {
    this.write("p.js", HEAD + text);
    const declared = steps.map((name) => `step("${name}", run = getattr(p, "${name}"))`);
    this.write("Calyxfile", ['p = plugin("p", cmd = ["node", "p.js"])', ...lines, ...declared, ""].join("\n"));
  }

  calyx(...args) {
    return this.typing("", ...args);
  }

  /** Run calyx with a text on its standard input. */
  typing(input, ...args) {
    const options = { cwd: this.root, encoding: "utf8", env: { ...process.env, ...this.environ }, input };
    const done = spawnSync(process.env.CALYX_BIN ?? "calyx", args, options);
    if (done.error) throw done.error;
    return { status: done.status, out: done.stdout, err: done.stderr, text: done.stdout + done.stderr };
  }

  ok(...args) {
    const done = this.calyx(...args);
    if (done.status !== 0) throw new Error(`calyx ${args.join(" ")}: ${done.text}`);
    return done;
  }

  /** The text of a failed build. */
  fails(...nodes) {
    const done = this.calyx("build", ...nodes);
    if (done.status === 0) throw new Error(`calyx build ${nodes.join(" ")} did not fail: ${done.text}`);
    return done.text;
  }

  /** Start the program without calyx. */
  start(env) {
    return spawnSync(process.execPath, ["p.js"], { cwd: this.root, encoding: "utf8", env: { ...process.env, ...env } });
  }

  /** Bring a node up to date and return its value. */
  get(node) {
    return JSON.parse(this.ok("get", "--json", node).out);
  }

  /** Build, and return the nodes that were executed, sorted. */
  runs(...nodes) {
    const lines = this.ok("build", ...nodes).text.split("\n");
    return lines.filter((line) => line.startsWith("executed ")).map((line) => line.split(/\s+/)[1]).sort();
  }
}
