// One call of a node: what it may ask for, and what it may tell.

import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";

import { AbsentError, Cancelled, NeedError, OutsideNodeError, UnstorableError } from "./errors.js";
import { plain } from "./plain_fs.js";
import { LONG_ITEM, PluginItem, Request } from "./protocol.js";

/** Bytes of requests of one need up to which they go into one item, and of text into one log. */
const GOOD_ITEM = 512 << 10;

const current = new AsyncLocalStorage();

/** @returns {Call | undefined} the call that runs here. */
export const calling = () => current.getStore();

/** @returns {Call} the call that runs here; doing says what it was wanted for. */
export function currentCall(doing) {
  const call = current.getStore();
  if (call) return call;
  throw new OutsideNodeError(`${doing}: no node is being computed here; nodes run where calyx calls them, and in a worker there is none`);
}

/** The host's view of one running node. */
export class Call {
  #send;
  #beforeNeed;
  #seen = 0;
  #needs = 0;
  #open = new Map();
  #known = new Map();
  #over = false;
  #files = 0;
  #progress = -Infinity;
  #printed = [];
  #abort = new AbortController();

  constructor(number, start, program, send, beforeNeed) {
    this.number = number;
    this.start = start;
    this.program = program;
    this.#send = send;
    this.#beforeNeed = beforeNeed;
    /** Files and folders that calyx gave to the call: to look into them is no read that nobody asked for. */
    this.given = new Set();
    /** What it looked for in vain, in the workspace; of the watch. */
    this.missed = [];
  }

  /** Run a function with this as its call, tasks that it starts included. */
  run(f) {
    return current.run(this, f);
  }

  /** Aborted when calyx ends the call. */
  get signal() {
    return this.#abort.signal;
  }

  get workspace() {
    return this.start.workspace.toString();
  }

  /** Ask for one thing. The same question is asked once in a call. */
  async askOne(request) {
    const bytes = Buffer.from(Request.encode(request).finish());
    if (bytes.length > LONG_ITEM) throw new UnstorableError(`the arguments of ${request.node?.name ?? "a read"} are too long together; make them the value of a node`);
    const key = bytes.toString("latin1");
    let asked = this.#known.get(key);
    if (!asked) this.#known.set(key, (asked = this.ask([request])));
    return (await asked)[0];
  }

  /** Ask for several things at once. */
  async ask(requests) {
    if (this.#over) throw new OutsideNodeError(`${this.start.node} has ended, and a task that it left behind asks for a node`);
    this.#abort.signal.throwIfAborted();
    const id = ++this.#needs;
    const answers = new Promise((resolve, reject) => this.#open.set(id, { resolve, reject, answers: [] }));
    this.#putNeed(id, requests);
    return answers;
  }

  #putNeed(id, requests) {
    this.#beforeNeed();
    let some = [];
    let size = 0;
    for (const request of requests) {
      const length = Request.encode(request).len;
      if (some.length > 0 && size + length > GOOD_ITEM) {
        this.say({ need: { id, seen: this.#seen, requests: some, more: true } });
        [some, size] = [[], 0];
      }
      some.push(request);
      size += length;
    }
    this.say({ need: { id, seen: this.#seen, requests: some } });
  }

  /** Take answers from the host, and hand them to the function: from here on it has seen them. */
  answered({ need, answers, more }) {
    const waiting = this.#open.get(Number(need));
    if (!waiting) return;
    waiting.answers.push(...answers);
    if (more) return;
    this.#open.delete(Number(need));
    this.#seen++;
    waiting.resolve(waiting.answers);
  }

  /** End the call: what waits is woken with an error. Nothing can stop code that computes. */
  cancel(reason) {
    if (this.#over) return;
    const error = new Cancelled(`calyx ended the call: ${reason}`);
    this.#abort.abort(error);
    for (const waiting of this.#open.values()) waiting.reject(error);
    this.#open.clear();
  }

  /** Send the last item of the call. */
  end(item) {
    if (this.#over) return;
    this.#sendPrinted();
    this.say(item);
    this.#over = true;
    this.#known.clear();
  }

  /** Send an item, unless the call is over. */
  say(item) {
    if (!this.#over) this.#send(PluginItem.encode({ call: this.number, ...item }).finish());
  }

  /** Add to the log, line by line; false where the call is over. */
  printed(bytes) {
    if (this.#over) return false;
    this.#printed.push(bytes);
    if (bytes.includes(10) || this.#printed.length > 256) this.#sendPrinted();
    return true;
  }

  #sendPrinted() {
    const text = Buffer.concat(this.#printed);
    this.#printed = [];
    for (let at = 0; at < text.length; at += GOOD_ITEM) this.say({ log: { text: text.subarray(at, at + GOOD_ITEM) } });
  }

  /** Tell how far the call is, ten times a second at most. */
  progress(done, total, unit) {
    const now = performance.now();
    if (now - this.#progress < 100 && done !== total) return;
    this.#progress = now;
    this.say({ progress: { done, total, unit } });
  }

  /** Name a new file in the call's scratch folder, which is made for the first. */
  newFile(end) {
    const folder = this.start.scratch.toString();
    plain.mkdirSync(folder, { recursive: true });
    return join(folder, `.calyx-${++this.#files}${end}`);
  }

  /** Tell whether a path lies where the call may leave results. */
  owns(path) {
    return [this.start.scratch, this.start.outDir].some((folder) => folder.length > 0 && within(path, folder.toString()));
  }

  /** Tell whether calyx gave a path, or a folder above it, to the call. */
  knows(path) {
    return this.owns(path) || [...this.given].some((given) => within(path, given));
  }
}

const within = (path, folder) => path === folder || path.startsWith(folder + "/");

/** @returns the value of an answer, or throws what the node is to see where there is none. */
export function valueOf(answer, what) {
  if (answer.answer === "value") return answer.value;
  if (answer.answer === "absent") throw new AbsentError(`${what}: there is no such thing`);
  throw new NeedError(answer.error || `${what}: calyx gave no answer`);
}
