#!/usr/bin/env bash
# A search index over the Go toolchain's own sources: built afresh, not built again, changed, and explained.
set -euo pipefail
cd "$(dirname "$0")"

calyx=$(cd ../.. && pwd)/bin/calyx
GOROOT=$(go env GOROOT)
CALYX_MODULE=$(go list -m -f '{{.Dir}}')
export GOROOT CALYX_MODULE

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ calyx %s\n' "$*"; "$calyx" "$@" 2>&1; }

# build runs a build, and counts the steps that it executed by kind instead of listing them.
build() {
    printf '$ calyx %s\n' "build${*:+ $*}"
    "$calyx" build --progress plain "$@" 2>&1 | awk '
        $1 == "executed" { kind = $2; if (sub(/\..*/, ".*", kind)) several[kind]++; else print; next }
        { rest = rest $0 "\n" }
        END { for (kind in several) printf "executed  %s, %d steps\n", kind, several[kind]; printf "%s", rest }'
}

say "A fresh build: some 10,000 files, a few hundred packages. The plugin that reads them is built by the same graph."
rm -rf .calyx bin out calyx.state.json
build
cat out/report.txt

say "Nothing to do: no step runs, and no plugin is started."
build

say "A smaller vocabulary. Setting computes nothing; a dry run tells what it reaches. No file is read again."
run set vocabulary_size 1000
run build --dry-run | tail -n 5
build

say "Why was the report made again? And why were the words of package fmt not?"
run why report
run why words.fmt

say "Another package to explain: what depends on it is known since it ran."
run set package log.slog
build --why
tail -n 6 out/report.txt

say "Back to the old values: every result is still there, so nothing runs."
run unset vocabulary_size package
build
