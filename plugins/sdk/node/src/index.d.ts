// The types of @calyx-build/sdk. docs/node-sdk.md tells how it is used.

/** What a parameter or result is, in the words of the plugin protocol. */
export type Type = "any" | "bool" | "int" | "float" | "string" | "bytes" | "list" | "dict" | "file" | "tree";

export interface FnOptions {
  /** Whether calls may run beside others in one process. By default asynchronous functions may. */
  overlap?: boolean;
  /** Types of parameters: "float" makes 1 a float, "file" and "tree" deliver a File. */
  types?: Record<string, Type>;
  returns?: Type;
  doc?: string;
}

/** A node as people call it: it takes what the function takes, and promises what that returns. */
export type Node<A extends any[], R> = (...args: A) => Promise<Awaited<R>>;

type Method = (...args: any[]) => Promise<any>;
type MethodDecorator = <F extends Method>(method: F, context: ClassMethodDecoratorContext) => F;

/** Make a function a derived node: computed once for the same inputs, and again when what it saw has changed. */
export function fn<F extends Method>(method: F, context: ClassMethodDecoratorContext): F;
export function fn<A extends any[], R>(run: (...args: A) => R): Node<A, R>;
export function fn<A extends any[], R>(options: FnOptions, run: (...args: A) => R): Node<A, R>;
export function fn(options: FnOptions): MethodDecorator;

export interface StoredOptions {
  type?: Type;
  doc?: string;
}

export interface StoredDeclarations {
  /** A parameter that `calyx set` changes. */
  <T extends Value>(value: T, options?: StoredOptions): () => Promise<Widened<T>>;
  /** A file or folder of the workspace. */
  path(path: string, options?: StoredOptions): () => File;
  /** All the files that match a pattern. */
  glob(pattern: string, options?: StoredOptions): () => Promise<File[]>;
  /** An environment variable; without a default it is an error where it is not set. */
  env(name: string, options?: StoredOptions & { default?: string }): () => Promise<string>;
}

type Widened<T> = T extends number ? number : T extends string ? string : T extends boolean ? boolean : T;

/** An input whose value changes only because somebody changed it. */
export const stored: StoredDeclarations;

/** The base of pipelines: classes whose fields and methods are nodes. */
export class Pipeline {}

/** Make methods of a class nodes where there are no decorators. */
export function pipeline<T extends new () => Pipeline>(type: T, methods: { [name: string]: typeof fn | MethodDecorator }): T;

/** Serve pipelines, nodes, and objects that hold some, until calyx has no more use for the process. */
export function serve(...things: (object | (new () => Pipeline))[]): void;

/** What calyx keeps. Maps, Sets, Files, arrays of numbers and plain objects of such are among it. */
export type Value =
  | undefined | null | boolean | number | bigint | string | Uint8Array | Array_ | NdArray | Float | File
  | readonly Value[] | { readonly [key: string]: Value } | ReadonlyMap<Value, Value> | ReadonlySet<Value>;

type Array_ = Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array | Float32Array | Float64Array;

/** An array of any shape, in C order. */
export class NdArray {
  constructor(data: Array_ | Uint8Array, shape: number[]);
  data: Array_ | Uint8Array;
  shape: number[];
}

/** A number that is a float also where it is whole, for functions in languages that keep the two apart. */
export class Float extends Number {}

/** A file or folder whose content is a value, where a path is only a name. */
export class File {
  constructor(path: string);
  /** The last part of the path. */
  readonly name: string;
  /** The path, for programs that want one. Files of other nodes are only to be read. */
  path(): Promise<string>;
  text(): Promise<string>;
  bytes(): Promise<Buffer>;
  json(): Promise<any>;
  exists(): Promise<boolean>;
  /** The sorted paths of all files in the folder. */
  names(): Promise<string[]>;
  /** A file in the folder. */
  file(name: string): File;
}

/** The bytes of a file; the node runs again when they change. */
export function readFile(path: string): Promise<Buffer>;
export function readText(path: string): Promise<string>;
/** A path under which programs can read a file as it is now. */
export function pathFor(path: string): Promise<string>;
/** The sorted names in a folder. */
export function listdir(path?: string): Promise<string[]>;
export function exists(path: string): Promise<boolean>;
/** The sorted paths of the files that match a pattern, in which ** stands for any folders. */
export function glob(pattern: string): Promise<string[]>;
export function env(name: string): Promise<string | undefined>;
export function env(name: string, otherwise: string): Promise<string>;
/** The name of the instance that is built. A node that asks has a result per instance. */
export function instance(): Promise<string>;

/** Add a line to the node's log. */
export function log(...parts: unknown[]): void;
export function progress(done: number, total?: number, unit?: string): void;
/** Report a number about the node, kept with its result. */
export function metric(name: string, value: number, unit?: string): void;
/** A private folder for temporary files. */
export function scratch(): string;
/** A folder for files that become the result, as `new File(path)`. */
export function outDir(): string;
/** Aborted when calyx ends the call, for fetch and the like. */
export function signal(): AbortSignal;

/** The base of the SDK's errors. */
export class CalyxError extends Error {}
/** A program declares something that calyx cannot serve. */
export class DeclarationError extends CalyxError {}
/** A node that was needed failed, does not exist, or needs the one that asked. */
export class NeedError extends CalyxError {}
/** A file, folder or element that was asked for is not there. */
export class AbsentError extends CalyxError {
  readonly code: "ENOENT";
}
/** A node was called where no node is being computed. */
export class OutsideNodeError extends CalyxError {}
/** A value of a kind that calyx cannot keep. */
export class UnstorableError extends CalyxError {}
/** calyx ended the call. */
export class Cancelled extends CalyxError {}
/** Throw it where another attempt may help, after so many seconds. */
export class RetryAfter extends CalyxError {
  constructor(seconds: number, message?: string, options?: ErrorOptions);
  readonly seconds: number;
}
