// What calyx itself does seldom or never: a client plays the host.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Client, credentials, status } from "@grpc/grpc-js";

import { DescribeRequest, DescribeResponse, PluginItem, SessionRequest } from "../src/protocol.js";
import { Workspace } from "./workspace.js";

const PROGRAM = `
const need = fn(async function need(x) { return one(x); });
const one = fn(async function one(x) { return x; });
const forever = fn(async function forever() { await new Promise(() => setInterval(() => {}, 1000)); });
const stages = fn(async function stages() { await Promise.all([one(1), one(2)]); await one(1); await one(3); return 0; });
serve({ need, one, forever, stages });
`;

const COOKIE = { CALYX_PLUGIN_COOKIE: "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69" };

class Host {
  #heard = [];
  #wake = () => {};

  static async start(t) {
    const ws = new Workspace(t);
    ws.program(PROGRAM, []);
    const host = new Host();
    host.ws = ws;
    host.child = spawn(process.execPath, ["p.js"], { cwd: ws.root, env: { ...process.env, ...COOKIE, PLUGIN_UNIX_SOCKET_DIR: ws.root } });
    host.ended = once(host.child, "exit");
    t.after(() => host.child.kill("SIGKILL"));
    const [line] = await once(createInterface(host.child.stdout), "line");
    assert.match(line, /^1\|1\|unix\|[^|]+\|grpc\|$/);
    host.client = new Client("unix:" + line.split("|")[3], credentials.createInsecure());
    t.after(() => host.client.close());
    return host;
  }

  open() {
    const write = (message) => Buffer.from(SessionRequest.encode(message).finish());
    const stream = this.client.makeBidiStreamRequest("/calyx.plugin.v1.Plugin/Session", write, itemsIn);
    // Every stream ends with an error when its process is killed.
    stream.on("error", () => {});
    stream.on("data", (items) => {
      this.#heard.push(...items);
      this.#wake();
    });
    return stream;
  }

  /** The next item that calls say. */
  async next() {
    while (this.#heard.length === 0) await new Promise((wake) => (this.#wake = wake));
    const item = this.#heard.shift();
    return item.item === "observed" ? this.next() : item;
  }

  start(call, name, args = {}) {
    const named = Object.entries(args).map(([key, value]) => ({ name: key, value: json(value) }));
    return { call, start: { function: name, arguments: named, scratch: Buffer.from(join(this.ws.root, "scratch")), workspace: Buffer.from(this.ws.root) } };
  }
}

const json = (value) => ({ mediaType: "application/json", inline: Buffer.from(JSON.stringify(value)) });
const answer = (call, need, value) => ({ call, answers: { need, answers: [{ value: json(value) }] } });

/** SessionResponse is a list of items, and protobufjs needs no type for it. */
function itemsIn(bytes) {
  const items = [];
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at++], 0x0a);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    items.push(PluginItem.decode(bytes.subarray(at, at + length)));
    at += length;
  }
  return items;
}

function describe(client, identity) {
  return new Promise((done, fail) => {
    const write = (message) => Buffer.from(DescribeRequest.encode(message).finish());
    const read = (bytes) => DescribeResponse.decode(bytes);
    client.makeUnaryRequest("/calyx.plugin.v1.Plugin/Describe", write, read, { identity }, (error, found) => (error ? fail(error) : done(found)));
  });
}

test("Describe works without and during a session, and a second session is refused", async (t) => {
  const host = await Host.start(t);
  const before = await describe(host.client, false);
  assert.deepEqual(before.functions.map((f) => [f.name, f.overlap, f.code]), ["need", "one", "forever", "stages"].map((n) => [n, true, ""]));
  host.open();
  const during = await describe(host.client, true);
  assert.match(during.functions[0].code, /^[0-9a-f]{64}$/);
  const [error] = await once(host.open(), "error");
  assert.equal(error.code, status.ALREADY_EXISTS);
});

test("a wrong call is a failure, and the next one works", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  const wrong = [["nothing", {}, /no function "nothing"/], ["one", {}, /needs the argument "x"/], ["one", { x: 1, y: 2 }, /no parameter "y"/]];
  for (const [i, [name, args, expected]] of wrong.entries()) {
    stream.write({ items: [host.start(i + 1, name, args)] });
    assert.match((await host.next()).failure.message, expected);
  }
  stream.write({ items: [host.start(9, "one", { x: 5 })] });
  assert.equal((await host.next()).result.value.inline.toString(), "5");
});

test("a thousand calls wait, and are answered in any order", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  const calls = Array.from({ length: 1000 }, (_, i) => i + 1);
  stream.write({ items: calls.map((n) => host.start(n, "need", { x: n })) });
  const needs = [];
  for (const _ of calls) needs.push(await host.next());
  stream.write({ items: [host.start(2000, "one", { x: 0 })] });
  assert.equal(Number((await host.next()).call), 2000);
  stream.write({ items: needs.reverse().map((n) => answer(n.call, n.need.id, Number(n.call))) });
  for (const _ of calls) {
    const { call, result } = await host.next();
    assert.equal(result.value.inline.toString(), String(call));
  }
});

test("requests that saw as much are one stage, and one that is known is not asked again", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  stream.write({ items: [host.start(1, "stages")] });
  const needs = [await host.next(), await host.next()].map((n) => n.need);
  assert.deepEqual(needs.map((n) => n.seen), [0, 0]);
  stream.write({ items: needs.map((n) => answer(1, n.id, 1)) });
  const third = (await host.next()).need;
  assert.equal(third.seen, 2);
  stream.write({ items: [answer(1, third.id, 3)] });
  assert.equal((await host.next()).item, "result");
});

test("cancel ends a call that runs and one that waits", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  stream.write({ items: [host.start(1, "forever"), host.start(2, "need", { x: 1 })] });
  assert.equal((await host.next()).item, "need");
  for (const call of [1, 2]) {
    stream.write({ items: [{ call, cancel: { reason: "enough" } }] });
    const ended = await host.next();
    assert.equal(Number(ended.call), call);
    assert.match(ended.failure.message, /enough/);
  }
});

test("the process ends when the host closes the session", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  stream.write({ items: [host.start(1, "one", { x: 1 })] });
  await host.next();
  stream.end();
  assert.deepEqual(await host.ended, [0, null]);
});

test("the process ends when the connection is lost", async (t) => {
  const host = await Host.start(t);
  const stream = host.open();
  stream.write({ items: [host.start(1, "forever"), host.start(2, "one", { x: 1 })] });
  await host.next();
  stream.cancel();
  assert.deepEqual(await host.ended, [0, null]);
});

test("Shutdown ends the process", async (t) => {
  const host = await Host.start(t);
  const same = (bytes) => bytes;
  await new Promise((done, fail) => {
    host.client.makeUnaryRequest("/plugin.GRPCController/Shutdown", same, same, Buffer.alloc(0), (error) => (error ? fail(error) : done()));
  });
  assert.deepEqual(await host.ended, [0, null]);
});
