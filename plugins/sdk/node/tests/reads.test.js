import assert from "node:assert/strict";
import { linkSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

// Each reads a.txt, or looks for it, in its own way; `change` is what must make it run again.
const ways = {
  readText: `async () => calyx.readText("a.txt").catch(() => "none")`,
  pathFor: `async () => fs.readFileSync(await calyx.pathFor("a.txt"), "utf8")`,
  readFileSync: `async () => fs.readFileSync("a.txt", "utf8")`,
  named: `async () => readFileSync("a.txt", "utf8")`,
  promises: `async () => readFile("a.txt", "utf8")`,
  callback: `async () => new Promise((done, fail) => fs.readFile("a.txt", "utf8", (e, s) => (e ? fail(e) : done(s))))`,
  stream: `async () => { let s = ""; for await (const c of fs.createReadStream("a.txt")) s += c; return s; }`,
  opened: `async () => { const f = await fs.promises.open("a.txt"); const s = await f.readFile("utf8"); await f.close(); return s; }`,
  size: `async () => fs.statSync("a.txt").size`,
  copied: `async () => (fs.copyFileSync("a.txt", "x.txt"), spawnSync("cat", ["x.txt"], { encoding: "ascii" }).stdout)`,
  updated: `async () => { const f = fs.openSync("a.txt", "r+"); const s = fs.readFileSync(f, "utf8"); fs.closeSync(f); return s; }`,
};

for (const [name, code] of Object.entries(ways)) {
  test(`a file that is read by ${name} counts`, (t) => {
    const ws = new Workspace(t);
    ws.write("a.txt", "one");
    ws.program(`import fs, { readFileSync } from "node:fs"; import { readFile } from "node:fs/promises"; import { spawnSync } from "node:child_process"; serve({ f: fn(${code}) });`, ["f"]);
    assert.equal(ws.get("f"), name === "size" ? 3 : "one");
    assert.deepEqual(ws.runs(), []);
    ws.write("a.txt", "three");
    assert.equal(ws.get("f"), name === "size" ? 5 : "three");
  });
}

// A child process is not the node itself: what it does stands for what a user does meanwhile.
for (const read of [`fs.readFileSync("a.txt", "utf8")`, `fs.statSync("a.txt").size`, `await calyx.readText("a.txt")`]) {
  test(`an edit after ${read} is noticed`, (t) => {
    const ws = new Workspace(t);
    ws.write("a.txt", "one");
    ws.write("edit.sh", "echo two > a.txt; rm edit.sh");
    ws.program(
      `import fs from "node:fs"; import { spawnSync } from "node:child_process";
      serve({ f: fn(async () => { const seen = ${read}; if (fs.existsSync("edit.sh")) spawnSync("sh", ["edit.sh"]); return seen; }) });`,
      ["f"],
    );
    assert.match(ws.fails(), /an input changed while the step ran.*"a.txt"/);
    assert.deepEqual(ws.runs(), ["f"]);
    assert.deepEqual(ws.runs(), []);
  });
}

test("an edit between two readings is noticed, also where it is undone", (t) => {
  const ws = new Workspace(t);
  ws.write("a.txt", "one");
  linkSync(join(ws.root, "a.txt"), join(ws.root, "b.txt")); // so that it is no sign of an edit that its ctime is another
  ws.write("edit.sh", "mv a.txt away.txt; echo two > a.txt");
  ws.write("undo.sh", "mv away.txt a.txt; rm edit.sh");
  ws.program(
    `import fs from "node:fs"; import { spawnSync } from "node:child_process";
    const read = () => fs.readFileSync("a.txt", "utf8");
    serve({
      f: fn(async () => {
        const before = [await calyx.readText("a.txt"), read()];
        if (!fs.existsSync("edit.sh")) return [...before, read()];
        spawnSync("sh", ["edit.sh"]);
        const seen = [...before, read()];
        spawnSync("sh", ["undo.sh"]);
        return seen;
      }),
    });`,
    ["f"],
  );
  assert.match(ws.fails(), /an input changed while the step ran.*"a.txt"/);
  assert.deepEqual(ws.get("f"), ["one", "one", "one"]);
});

for (const first of [`""`, "await always()"]) {
  test(`what follows from a read after ${first} is not looked at before it`, (t) => {
    const ws = new Workspace(t);
    ws.write("always.txt", "always");
    ws.write("data.txt", "data");
    ws.write("choice.txt", "costly");
    ws.program(
      `import fs from "node:fs";
      const always = fn(async () => calyx.readText("always.txt"));
      const costly = fn(async () => calyx.readText("data.txt"));
      const chosen = fn(async () => ${first} + (fs.readFileSync("choice.txt", "utf8") === "costly" ? await costly() : "cheap"));
      serve({ always, costly, chosen });`,
      ["always", "costly", "chosen"],
    );
    assert.ok(ws.runs("chosen").includes("costly"));
    ws.write("data.txt", "more data");
    ws.write("choice.txt", "another");
    assert.deepEqual(ws.runs("chosen"), ["chosen"]);
    ws.write("data.txt", "most data");
    assert.deepEqual(ws.runs("chosen"), []);
  });
}

test("what comes after a look is noticed", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `import fs from "node:fs"; import { spawnSync } from "node:child_process";
    serve({ f: fn(async () => fs.existsSync("made.txt") || (spawnSync("touch", ["made.txt"]), false)) });`,
    ["f"],
  );
  assert.match(ws.ok("build").text, /its result is not kept: after it had looked whether they are there, these came or went: "made.txt"/);
  assert.equal(ws.get("f"), true);
  assert.deepEqual(ws.runs(), []);
});

test("what a node makes itself is no edit", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `import fs from "node:fs";
    serve({
      f: fn(async () => {
        if (fs.existsSync("cache/a.txt")) return true;
        fs.mkdirSync("new");
        fs.writeFileSync("new/a.txt", "");
        fs.renameSync("new", "cache");
        return false;
      }),
    });`,
    ["f"],
  );
  assert.equal(ws.get("f"), false);
  assert.deepEqual(ws.runs(), []);
});

const looks = {
  existsSync: `async () => fs.existsSync("d/b.txt")`,
  exists: `async () => calyx.exists("d/b.txt")`,
  stat: `async () => fs.promises.stat("d/b.txt").then(() => true, () => false)`,
  readdirSync: `async () => fs.readdirSync("d").includes("b.txt")`,
  listdir: `async () => (await calyx.listdir("d")).includes("b.txt")`,
  glob: `async () => (await calyx.glob("d/*.txt")).includes("d/b.txt")`,
};

for (const [name, code] of Object.entries(looks)) {
  test(`an absence that is seen by ${name} counts`, (t) => {
    const ws = new Workspace(t);
    ws.write("d/a.txt", "");
    ws.program(`import fs from "node:fs"; serve({ f: fn(${code}) });`, ["f"]);
    assert.equal(ws.get("f"), false);
    assert.deepEqual(ws.runs(), []);
    ws.write("d/b.txt", "");
    assert.equal(ws.get("f"), true);
  });
}

// Each lists a folder with all below it.
const walks = {
  readdirSync: `async () => fs.readdirSync("d", { recursive: true }).sort()`,
  promised: `async () => (await fs.promises.readdir("d", { recursive: true })).sort()`,
  opendir: `async () => { const names = []; for await (const e of await fs.promises.opendir("d", { recursive: true })) names.push(e.name); return names.sort(); }`,
  cpSync: `async () => (fs.cpSync("d", calyx.scratch(), { recursive: true }), fs.readdirSync(calyx.scratch(), { recursive: true }).sort())`,
};

for (const [name, code] of Object.entries(walks)) {
  test(`a name in a folder below counts for ${name}`, (t) => {
    const ws = new Workspace(t);
    ws.write("d/sub/a.txt", "");
    symlinkSync("..", join(ws.root, "d/sub/up"));
    ws.program(`import fs from "node:fs"; serve({ f: fn(${code}) });`, ["f"]);
    const before = ws.get("f");
    assert.deepEqual(ws.runs(), []);
    ws.write("d/sub/deep/b.txt", "");
    assert.ok(ws.get("f").length > before.length);
    assert.deepEqual(ws.runs(), []);
    ws.write("d/sub/a.txt", "one");
    assert.deepEqual(ws.runs(), name === "cpSync" ? ["f"] : []);
  });
}

// Each sees a link, and not only what it leads to.
const links = {
  readlinkSync: [`async () => fs.readlinkSync("ln")`, "a.txt", "b.txt"],
  realpath: [`async () => basename(await fs.promises.realpath("ln"))`, "a.txt", "b.txt"],
};

for (const [name, [code, before, after]] of Object.entries(links)) {
  test(`where a link leads counts for ${name}`, (t) => {
    const ws = new Workspace(t);
    for (const file of ["a.txt", "b.txt"]) ws.write(file, "same");
    symlinkSync("a.txt", join(ws.root, "ln"));
    ws.program(`import fs from "node:fs"; import { basename } from "node:path"; serve({ f: fn(${code}) });`, ["f"]);
    assert.equal(ws.get("f"), before);
    assert.deepEqual(ws.runs(), []);
    rmSync(join(ws.root, "ln"));
    symlinkSync("b.txt", join(ws.root, "ln"));
    assert.equal(ws.get("f"), after);
  });
}

test("a file that becomes a link to the same counts for lstat", (t) => {
  const ws = new Workspace(t);
  ws.write("a.txt", "same");
  ws.program(`import fs from "node:fs"; serve({ f: fn(async () => fs.lstatSync("a.txt").isSymbolicLink()) });`, ["f"]);
  assert.equal(ws.get("f"), false);
  assert.deepEqual(ws.runs(), []);
  renameSync(join(ws.root, "a.txt"), join(ws.root, "b.txt"));
  symlinkSync("b.txt", join(ws.root, "a.txt"));
  assert.equal(ws.get("f"), true);
});

test("a file of the workspace counts by whichever path it is read", (t) => {
  const ws = new Workspace(t);
  const link = join(mkdtempSync(join(tmpdir(), "calyx-link-")), "ws");
  t.after(() => rmSync(dirname(link), { recursive: true }));
  symlinkSync(ws.root, link);
  ws.write("a.txt", "one");
  ws.program(`import fs from "node:fs"; serve({ f: fn(async () => [fs.readFileSync("${link}/a.txt", "utf8"), fs.existsSync("${link}/b.txt")]) });`, ["f"]);
  assert.deepEqual(ws.get("f"), ["one", false]);
  assert.deepEqual(ws.runs(), []);
  ws.write("a.txt", "two");
  assert.deepEqual(ws.get("f"), ["two", false]);
  ws.write("b.txt", "");
  assert.deepEqual(ws.get("f"), ["two", true]);
});

test("a look at what cannot be there is no error", (t) => {
  const ws = new Workspace(t);
  ws.write("a.txt", "");
  ws.program(`import fs from "node:fs"; serve({ f: fn(async () => ["a.txt/b", "a".repeat(5000), "a\\0b", "round"].map((path) => fs.existsSync(path))) });`, ["f"]);
  symlinkSync("round", join(ws.root, "round"));
  assert.deepEqual(ws.get("f"), [false, false, false, false]);
  assert.deepEqual(ws.runs(), []);
});

for (const code of ["process.env.MODEL", "({ ...process.env }).MODEL"]) {
  test(`a variable that is read by ${code} counts`, (t) => {
    const ws = new Workspace(t);
    ws.program(`serve({ f: fn(async () => ${code} ?? null) });`, []);
    ws.write("Calyxfile", 'p = plugin("p", cmd = ["node", "p.js"], env = ["MODEL"])\nstep("f", run = p.f)\n');
    ws.environ.MODEL = "a";
    assert.equal(ws.get("f"), "a");
    assert.deepEqual(ws.runs(), []);
    ws.environ.MODEL = "b";
    assert.equal(ws.get("f"), "b");
  });
}

test("a variable of the user can be asked for, and be absent", (t) => {
  const ws = new Workspace(t);
  ws.program(`serve({ f: fn(async () => calyx.env("MODEL", "none")) });`, ["f"]);
  assert.equal(ws.get("f"), "none");
  ws.environ.MODEL = "a";
  assert.equal(ws.get("f"), "a");
  assert.deepEqual(ws.runs(), []);
});

test("what a program reads when it starts counts for every node", (t) => {
  const ws = new Workspace(t);
  ws.write("a.txt", "one");
  ws.program(`import fs from "node:fs"; const text = fs.readFileSync("a.txt", "utf8"); serve({ f: fn(async () => text) });`, ["f"]);
  assert.equal(ws.get("f"), "one");
  ws.write("a.txt", "two");
  assert.equal(ws.get("f"), "two");
});

test("the instance's name is there for the asking", (t) => {
  const ws = new Workspace(t);
  ws.program(`serve({ f: fn(async () => calyx.instance()) });`, ["f"]);
  assert.equal(ws.get("f"), "main");
});

test("a stored file that is not there is an absence", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `
    class P extends Pipeline {
      raw = stored.path("data.csv");
      folder = stored.path("folder");
      there = fn(async () => [await this.raw().exists(), await this.folder().file("sub").exists(), await this.folder().file("a").exists()]);
      careful = fn(async () => this.raw().text().catch((e) => e.name));
    }
    serve(P);`,
    ["there", "careful"],
    'stored("raw", path = "data.csv")',
    'stored("folder", path = "folder")',
  );
  assert.deepEqual([ws.get("there"), ws.get("careful")], [[false, false, false], "AbsentError"]);
  assert.deepEqual(ws.runs(), []);
  ws.write("data.csv", "x");
  assert.deepEqual(ws.runs(), ["careful", "there"]);
  ws.write("data.csv", "y");
  assert.deepEqual(ws.runs(), ["careful"]);
  ws.write("folder/sub/x", "");
  assert.deepEqual(ws.get("there"), [true, true, false]);
});
