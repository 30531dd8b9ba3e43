// The stream on which the host and the calls of this process talk.

import { Call } from "./call.js";
import { GOOD_MESSAGE, PluginItem, joinItems } from "./protocol.js";
import { run } from "./run.js";

/** All calls of the process. */
export class Session {
  #calls = new Map();
  #outbox;

  constructor(program, watch, stream) {
    this.program = program;
    this.watch = watch;
    this.#outbox = new Outbox(stream);
    this.#observe(watch.all());
    stream.on("data", (message) => message.items.forEach((item) => this.#take(item)));
  }

  #take(item) {
    const number = Number(item.call);
    if (item.item === "start") this.#begin(this.#call(number, item.start));
    else if (item.item === "answers") this.#calls.get(number)?.answered(item.answers);
    else if (item.item === "cancel") this.#calls.get(number)?.cancel(item.cancel.reason);
  }

  #call(number, start) {
    const beforeNeed = () => this.#observe(this.watch.named());
    return new Call(number, start, this.program, (bytes) => this.#outbox.put(bytes), beforeNeed);
  }

  async #begin(call) {
    this.#calls.set(call.number, call);
    const item = await run(call);
    this.#observe(this.watch.fresh());
    this.#observe(this.watch.missedBy(call), call.number);
    this.#calls.delete(call.number);
    call.end(item);
  }

  /** Report what the process read: that must be said before the result of a call which may have used it. */
  #observe(observed, call = 0) {
    if (observed.reads.length > 0) this.#outbox.put(PluginItem.encode({ call, observed }).finish());
  }
}

/** Gathers what is to be said into few messages, and holds none back longer than it takes to run what can run now. */
class Outbox {
  #stream;
  #items = [];
  #waiting = false;

  constructor(stream) {
    this.#stream = stream;
  }

  put(item) {
    this.#items.push(item);
    if (this.#waiting) return;
    this.#waiting = true;
    setImmediate(() => this.#flush());
  }

  #flush() {
    const items = this.#items;
    for (let at = 0; at < items.length; ) {
      const from = at;
      for (let size = 0; at < items.length && (at === from || size + items[at].length < GOOD_MESSAGE); at++) size += items[at].length;
      const free = this.#stream.write(joinItems(items.slice(from, at)));
      if (!free && at < items.length) {
        this.#items = items.slice(at);
        this.#stream.once("drain", () => this.#flush());
        return;
      }
    }
    this.#items = [];
    this.#waiting = false;
  }
}
