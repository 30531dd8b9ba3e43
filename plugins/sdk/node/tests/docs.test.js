// The page about the SDK is true: its files are written, its commands run, its answers compared.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Workspace } from "./workspace.js";

const DOCS = process.env.CALYX_DOCS ?? fileURLToPath(new URL("../../../../docs", import.meta.url));

test("the page", (t) => {
  const ws = new Workspace(t);
  const page = readFileSync(join(DOCS, "node-sdk.md"), "utf8");
  const files = [...page.matchAll(/<!-- file: (\S+) -->\n```\w*\n([^]*?)```/g)];
  assert.equal(files.length, 3);
  for (const [, name, text] of files) ws.write(name, text);
  const commands = [...page.matchAll(/^\$ calyx (.*)\n((?:(?!\$ |```).*\n)*)/gm)];
  assert.equal(commands.length, 2);
  for (const [, command, expected] of commands) {
    const words = command.match(/'[^']*'|\S+/g).map((word) => word.replaceAll("'", ""));
    assert.equal(ws.ok(...words).out, expected, command);
  }
});
