# make test runs every test; the other targets are for those who work on calyx.
GO ?= go
# How long each fuzzer runs, and how many random histories each property test plays in a soak.
FUZZTIME ?= 20s
SOAK_CHECKS ?= 20000
# Flags of the benchmarks: `make bench BENCH='-quick -rows noop'`.
BENCH ?=

# A program that is built with the race detector sleeps for a second before it ends, if nobody tells it not to.
export GORACE ?= atexit_sleep_ms=0

.PHONY: build demo test race lint fuzz bench soak proto clean deps

build:
	$(GO) build -o bin/calyx ./cmd/calyx

# The main job: a search index over the Go toolchain's own sources.
demo: build
	examples/gosearch/demo.sh

# The packages that take longest begin first, or the last of them would run alone.
test: deps
	$(GO) test -race -timeout 18m ./plugins/sdk/python ./cmd/calyx ./examples ./...
	$(GO) test ./plugins/command/watch # with the race detector it serves calls one by one

# The packages in which things happen at once, over and over and on several numbers of processors.
race: deps
	$(GO) test -race -count 3 -cpu 1,2,8 -timeout 60m ./cas/... ./executor/... ./plugins/...

lint:
	golangci-lint run ./...

# Every fuzzer of the project, one after the other.
fuzz:
	@$(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/ {names[n++]=$$1} /^ok/ {for (i=0; i<n; i++) print $$2, names[i]; n=0}' | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

# One table of ratios, measured side by side; -h lists the flags.
bench: build
	$(GO) run ./bench -calyx bin/calyx $(BENCH)

# The same tests for longer: property tests with more random histories, kill tests with more kills (CALYX_SOAK).
soak: deps
	RAPID_CHECKS=$(SOAK_CHECKS) CALYX_SOAK=1 $(GO) test -count 1 -timeout 0 ./...

# The plugin protocol's Go code, from its .proto.
proto:
	$(GO) generate ./plugins/proto

clean:
	rm -rf bin

# The race detector is built with cgo. examples/digits trains with Debian's PyTorch; where that is missing and nobody may install it,
# its test is left out.
deps:
	@command -v gcc >/dev/null || command -v clang >/dev/null || { \
		test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null; } || { \
		echo 'make: the tests need a C compiler for the race detector (Debian: apt-get install gcc libc6-dev)' >&2; exit 1; }
	@test -d /usr/lib/python3/dist-packages/torch || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-sklearn python3-torch python3-venv >/dev/null; }
