import assert from "node:assert/strict";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

const REVIEWS = `
class Reviews extends Pipeline {
  lr = stored(1e-3);
  raw = stored.path("data/reviews.csv");
  all = stored.glob("data/*.csv");
  clean = fn(async (lower = true) => (await this.raw().text()).trim().split("\\n").map((r) => (lower ? r.toLowerCase() : r)));
  count = fn(async () => (await this.clean()).length);
  both = fn(async () => [...(await this.clean()), ...(await this.clean(false)), await this.lr()]);
  names = fn(async () => (await this.all()).map((f) => f.name));
}
serve(Reviews);
`;
const STORED = ['stored("lr", value = 0.001)', 'stored("raw", path = "data/reviews.csv")', 'stored("all", glob = "data/*.csv")'];

test("nodes need nodes, and run again only when what they saw has changed", (t) => {
  const ws = new Workspace(t);
  ws.write("data/reviews.csv", "Good\nBad\n");
  ws.program(REVIEWS, ["clean", "count", "both", "names"], ...STORED);
  assert.deepEqual(ws.get("both"), ["good", "bad", "Good", "Bad", 0.001]);
  assert.deepEqual(ws.get("clean(lower=False)"), ["Good", "Bad"]);
  assert.deepEqual(ws.get("names"), ["reviews.csv"]);
  ws.runs();
  assert.deepEqual(ws.runs(), []);
  ws.ok("set", "lr", "0.5");
  assert.deepEqual(ws.runs(), ["both"]);
  ws.write("data/reviews.csv", "GOOD\nBAD\n");
  assert.deepEqual(ws.runs(), ["both", "clean", "clean(lower=False)"], "count and names saw no change");
});

test("a condition that was not taken leaves no edge", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `class P extends Pipeline {
      flag = stored(false); a = stored(1); b = stored(2);
      pick = fn(async () => ((await this.flag()) ? this.a() : this.b()));
    }
    serve(P);`,
    ["pick"],
    ...['stored("flag", value = False)', 'stored("a", value = 1)', 'stored("b", value = 2)'],
  );
  assert.equal(ws.get("pick"), 2);
  ws.ok("set", "a", "7");
  assert.deepEqual(ws.runs("pick"), []);
  ws.ok("set", "flag", "true");
  assert.equal(ws.get("pick"), 7);
});

test("nodes overlap: all of a fan-out wait at once", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const wait = Promise.withResolvers?.() ?? (() => { let resolve; const promise = new Promise((r) => (resolve = r)); return { promise, resolve }; })();
    let here = 0;
    const one = fn(async function one(i) { if (++here === 2) wait.resolve(); await wait.promise; return i; });
    const sum = fn(async function sum() { const all = await Promise.all([one(1), one(2)]); return all[0] + all[1]; });
    serve({ one, sum });`,
    ["one", "sum"],
  );
  ws.write("Calyxfile", 'p = plugin("p", cmd = ["node", "p.js"])\nstep("sum", run = p.sum)\nstep("one", run = p.one)\n');
  assert.equal(JSON.parse(ws.ok("get", "-j2", "--json", "sum").out), 3);
});

test("chains are deep, and fan-outs wide", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const down = fn(async (n) => (n === 0 ? 0 : 1 + (await down(n - 1))));
    const square = fn(async function square(n) { return n * n; });
    const wide = fn(async function wide() { return (await Promise.all(Array.from({ length: 2000 }, (_, i) => square(i)))).length; });
    serve({ down, square, wide });`,
    ["down", "square", "wide"],
  );
  assert.equal(ws.get("down(n=2000)"), 2000);
  assert.equal(ws.get("down(n=1999)"), 1999);
  assert.deepEqual(ws.runs("down(n=1000)"), [], "each is a node");
  assert.equal(ws.get("wide"), 2000);
});

test("a cycle is named at the call that closes it", (t) => {
  const ws = new Workspace(t);
  ws.program(`class P extends Pipeline { a = fn(async () => this.b()); b = fn(async () => this.a()); } serve(P);`, ["a", "b"]);
  assert.match(ws.fails("a"), /a -> b -> a|b -> a -> b/);
});

test("methods are nodes too, with super and with several pipelines", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `class Base extends Pipeline { async x() { return "base"; } }
    pipeline(Base, { x: fn });
    class Sub extends Base { async x() { return (await super.x()) + "+sub"; } }
    pipeline(Sub, { x: fn });
    class User extends Pipeline { sub = new Sub(); y = fn(async () => this.sub.x()); z = fn(async () => new Base().x()); }
    serve(Base, Sub, User);`,
    ["y", "z", "Base.x", "Sub.x", "Sub.Base.x"],
  );
  assert.equal(ws.get("y"), "base+sub");
  assert.equal(ws.get("z"), "base");
});

test("a function that runs by hand has its user's streams", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `import { createInterface } from "node:readline/promises";
    const talks = fn(async function talks() {
      console.log("one");
      console.error("two");
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      const name = await lines.question("name? ");
      lines.close();
      return "hello " + name;
    });
    serve({ talks });`,
    ["talks"],
  );
  const done = ws.typing("Ada\n", "exec", "talks");
  assert.equal(done.out, "hello Ada\n");
  assert.equal(done.err, "one\ntwo\nname? ");
  assert.equal(done.status, 0);
  assert.match(ws.ok("status", "talks").text, /never built/);
});

test("what is printed belongs to the call that printed it", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `console.log("before the handshake");
    const loud = fn(async function loud(n) { console.log("out", n); await null; console.error("err", n); process.stdout.write("end"); return n; });
    const both = fn(async function both() { await Promise.all([loud(1), loud(2)]); calyx.log("logged", 1, { a: [2] }); calyx.progress(1, 2, "rows"); calyx.metric("tokens", 812); return 1; });
    serve({ loud, both });`,
    ["loud", "both"],
  );
  ws.runs("both");
  assert.equal(ws.ok("log", "loud(n=1)").out.replaceAll(/^.*\|\s?/gm, "").trim(), "out 1\nerr 1\nend");
  assert.match(ws.ok("log", "both").out, /logged 1 \{ a: \[ 2 \] \}/);
});
