// What a TypeScript program sees: this file is only checked.

import { File, Pipeline, fn, pipeline, serve, stored } from "../../src/index.js";

class Reviews extends Pipeline {
  lr = stored(1e-3);
  raw = stored.path("data/reviews.csv");
  all = stored.glob("data/*.csv");
  key = stored.env("KEY", { default: "" });

  clean = fn(async (lower: boolean = true) => (await this.raw().text()).split("\n").map((r) => (lower ? r.toLowerCase() : r)));
  count = fn({ types: { scale: "float" } }, async (scale: number) => (await this.clean()).length * scale);

  scaled = fn((n: number, by = 2) => n * by);

  @fn async answer(question: string): Promise<string> {
    return question + (await this.count(await this.lr()));
  }

  @fn({ overlap: false }) async files(): Promise<File[]> {
    return this.all();
  }
}

class Plain extends Pipeline {
  async x(n: number): Promise<number> {
    return n;
  }
}
pipeline(Plain, { x: fn });

export async function use(r: Reviews): Promise<[string[], number, string, number, string]> {
  // @ts-expect-error: a parameter has its type.
  await r.clean("yes");
  // @ts-expect-error: and must be given.
  await r.count();
  return [await r.clean(false), await r.count(1), await r.answer("?"), await r.lr(), await r.key()];
}

serve(Reviews, Plain);
