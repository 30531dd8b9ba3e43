// The environment of the process as it was given, before anything watches who reads it.

export const environment = Object.freeze({ ...process.env });

export const COOKIE_KEY = "CALYX_PLUGIN_COOKIE";
export const COOKIE = "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69";

/** Whether calyx started this process. */
export const isPlugin = environment[COOKIE_KEY] === COOKIE;

/** Whether somebody runs a function by hand: standard input and standard error are theirs. */
export const inForeground = environment.CALYX_PLUGIN_FOREGROUND === "1";

/** @returns {string[]} what the options of Node with one of these names were given: `--import x`, `--import=x`. */
export function optionsOfNode(...names) {
  const words = [...(environment.NODE_OPTIONS ?? "").split(/\s+/), ...process.execArgv];
  return words.flatMap((word, i) => {
    const [name, given] = word.split(/=(.*)/s);
    return names.includes(name) ? [given ?? words[i + 1] ?? ""] : [];
  });
}
