import assert from "node:assert/strict";
import { test } from "node:test";

import { Workspace } from "./workspace.js";

test("a failure has the type, the message, the cause and the lines of the user", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const bad = fn(async function bad() { try { JSON.parse("{"); } catch (cause) { throw new RangeError("out of luck", { cause }); } });
    serve({ bad });`,
    ["bad"],
  );
  const text = ws.fails();
  assert.match(text, /RangeError: out of luck/);
  assert.match(text, /p\.js:3/);
  assert.match(text, /caused by: SyntaxError/);
  assert.doesNotMatch(text, /run\.js/, "the SDK's own lines are left out");
});

test("a failed need can be caught, and an absence told from it", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const bad = fn(async function bad() { throw new Error("no"); });
    const tries = fn(async function tries() {
      const failed = await bad().catch((e) => e.name);
      const absent = await calyx.readText("missing.txt").catch((e) => e.code);
      throw new Error([failed, absent]);
    });
    serve({ bad, tries });`,
    ["bad", "tries"],
  );
  assert.match(ws.fails("tries"), /NeedError,ENOENT/);
});

test("a failure that nobody awaits does not end the process", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const bad = fn(async function bad() { throw new Error("no"); });
    const slow = fn(async function slow() { await bad().catch(() => {}); return 1; });
    const careless = fn(async function careless() { void bad(); return slow(); });
    serve({ bad, slow, careless });`,
    ["bad", "slow", "careless"],
  );
  assert.match(ws.fails("careless"), /executed +careless/);
});

test("RetryAfter is tried again", (t) => {
  const ws = new Workspace(t);
  ws.program(`let n = 0; const flaky = fn(async function flaky() { if (++n < 3) throw new calyx.RetryAfter(0.01); return n; }); serve({ flaky });`, []);
  ws.write("Calyxfile", 'p = plugin("p", cmd = ["node", "p.js"])\nstep("flaky", run = p.flaky, retries = 3)\n');
  assert.equal(ws.get("flaky"), 3);
});

test("a crash fails the call, and a later build goes on", (t) => {
  const ws = new Workspace(t);
  ws.program(`const die = fn(async function die() { process.exit(3); }); const live = fn(async function live() { return 1; }); serve({ die, live });`, ["die", "live"]);
  assert.match(ws.fails("die"), /exit status 3|status 3/);
  assert.equal(ws.get("live"), 1);
});

const declarations = {
  "a rest parameter": [`serve({ f: fn(async function f(...all) {}) });`, /has no name/],
  "a pattern": [`serve({ f: fn(async function f({ a }) {}) });`, /has no name/],
  "a computed default": [`serve({ f: fn(async function f(a = Date.now()) {}) });`, /default of "a" is not written as a constant/],
  "a generator": [`serve({ f: fn(function* f() {}) });`, /generator/],
  "an unknown option": [`serve({ f: fn({ pool: "x" }, async function f() {}) });`, /fn\(\{ pool \}\)/],
  "nothing": [`serve();`, /nothing to serve/],
  "no node": [`serve(5);`, /5 cannot be served/],
  "a Date": [`class P extends Pipeline { at = stored(new Date(0)); } serve(P);`, /at: its default is a Date/],
  "two of a name": [`serve({ f: fn(async () => 1) }, { f: fn(async () => 2) });`, /two nodes "f"/],
};

for (const [what, [text, expected]] of Object.entries(declarations)) {
  test(`${what} cannot be declared`, (t) => {
    const ws = new Workspace(t);
    ws.program(text, ["f"]);
    const done = ws.start({ CALYX_PLUGIN_COOKIE: "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69" });
    assert.equal(done.status, 1);
    assert.match(done.stderr, expected);
    assert.equal(done.stdout, "");
  });
}

test("a node outside of calyx, and a plugin started by hand, say what they are", (t) => {
  const ws = new Workspace(t);
  ws.program(`const f = fn(async function f() {}); await f().catch((e) => console.error(e.name)); serve({ f });`, ["f"]);
  const done = ws.start({});
  assert.equal(done.status, 1);
  assert.equal(done.stdout, "");
  assert.match(done.stderr, /OutsideNodeError[^]*is a plugin for calyx/);
});

test("a failure that is passed on blocks, and counts as no failure of its own", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const bad = fn(async function bad() { throw new Error("wrong"); });
     const top = fn(async function top() { return bad(); });
     serve({ bad, top });`,
    ["bad", "top"],
  );
  const text = ws.fails("-k");
  assert.match(text, /^failed {4}bad /m);
  assert.match(text, /^blocked {3}top {2}\(bad failed\)$/m);
  assert.match(text, /1 failed, 1 blocked/);
});

test("an error that is longer than a message fails its call alone", (t) => {
  const ws = new Workspace(t);
  ws.program(`const long = fn(async function long() { throw new Error("begin" + "x".repeat(6e6) + "end"); }); serve({ long });`, ["long"]);
  const text = ws.fails("long");
  assert.match(text, /Error: beginx+/);
  assert.match(text, /characters are left out/);
  assert.match(text, /xend/);
});

test("an argument that is longer than a message is refused", (t) => {
  const ws = new Workspace(t);
  ws.program(
    `const size = fn(async function size(x) { return x.length; });
    const asks = fn(async function asks() { return size("x".repeat(5e6)); });
    serve({ size, asks });`,
    ["size", "asks"],
  );
  assert.match(ws.fails("asks"), /UnstorableError: the arguments of size are too long/);
});

for (const [what, thrown] of Object.entries({
  "whose message is no text": `Object.assign(new Error(), { message: Symbol("luck") })`,
  "that cannot be looked at": `new (class extends Error { get message() { throw 1; } get stack() { throw 2; } get cause() { throw 3; } })()`,
  "without a prototype": "Object.create(null)",
})) {
  test(`an error ${what} fails its call`, (t) => {
    const ws = new Workspace(t);
    ws.program(`const bad = fn(async function bad() { throw ${thrown}; }); serve({ bad });`, ["bad"]);
    assert.match(ws.fails("bad"), /failed +bad .*(Symbol\(luck\)|strange|object)/);
  });
}
