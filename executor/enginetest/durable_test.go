package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// recorded counts the records of nodes: those that were applied, and those of them that are durable.
type recorded struct {
	mu               sync.Mutex
	applied, durable map[string]int
}

// apply counts the records in what was applied.
func (r *recorded) apply(txn cas.Txn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.applied == nil {
		r.applied = map[string]int{}
	}
	for _, row := range txn.Put {
		if _, node, ok := bytes.Cut(row.Key, []byte{0}); ok && row.Key[0] == 'n' { // as docs/architecture.md has it
			r.applied[string(node)]++
		}
	}
}

// sync synchronises; what is applied meanwhile may not be covered.
func (r *recorded) sync(ctx context.Context, store cas.Store) error {
	r.mu.Lock()
	covered := maps.Clone(r.applied)
	r.mu.Unlock()
	if err := store.Sync(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.durable = covered
	return nil
}

// since returns a function that is told of each node that is done from now on, and reports whether its record is durable. One
// that is made again is done, and recorded, more than once.
func (r *recorded) since() func(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, told := maps.Clone(r.applied), map[string]int{}
	return func(node string) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		told[node]++
		return r.durable[node] == r.applied[node] || r.durable[node]-before[node] >= told[node]
	}
}

// askingFile has a function that asks for the value of another one.
const askingFile = `p = plugin("p", cmd = ["./program"])
step("inner", run = p.inner)
step("outer", run = p.outer)
default("outer")
`

// asking is a runner of askingFile. The inner function returns another number each time.
type asking struct{ executions atomic.Int64 }

// askingCall passes on what it is answered.
type askingCall struct{ h executor.Handler }

func (*asking) text(v any) executor.Payload {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return executor.Payload{Value: trace.Value{Media: trace.MediaJSON}, Inline: text}
}

func (r *asking) Start(t *executor.Task, h executor.Handler) executor.Call {
	switch {
	case t.Describe != nil:
		functions := []executor.FunctionDescription{{Name: "inner", Code: "1"}, {Name: "outer", Code: "1"}}
		go h.Done(executor.Outcome{Result: r.text(executor.Description{Name: "p", Functions: functions})})
	case t.Function.Name == "inner":
		go h.Done(executor.Outcome{Result: r.text(r.executions.Add(1))})
	default:
		go h.Need(1, 0, []trace.Request{{Kind: trace.Node, Subject: "inner"}})
	}
	return askingCall{h}
}

func (c askingCall) Answer(_ uint64, answers []executor.Answer) {
	if answers[0].Error != "" {
		go c.h.Done(executor.Outcome{Failure: &executor.Failure{Message: answers[0].Error, Exit: 1}})
		return
	}
	go c.h.Done(executor.Outcome{Result: executor.Payload{Value: trace.Value{Media: trace.MediaJSON}, Inline: answers[0].Payload.Inline}})
}

func (askingCall) Cancel() {}

// askingWorkspace is a workspace with askingFile, and its store.
func askingWorkspace(t *testing.T) (root string, store cas.Store) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Calyxfile": askingFile, "program": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	store, err = local.Open(cacheOf(root), func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return root, store
}

// staying is a store that outlives the engines which use it.
type staying struct{ cas.Store }

func (staying) Close() error { return nil }

// askOuter builds the outer node and returns what was told to be executed, and the node's value.
func askOuter(t *testing.T, root string, store cas.Store, r *asking) (value string, told []string, err error) {
	t.Helper()
	e := executor.New(executor.Config{
		Root: root, Calyxfile: "Calyxfile", Instance: "default", CacheDir: cacheOf(root), Version: "test", Environ: os.Environ(),
		Store:  func(context.Context) (cas.Store, error) { return staying{store}, nil },
		Runner: func() (executor.Runner, error) { return r, nil },
		Print:  func(string) {},
	})
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	o := executor.Options{Jobs: 1, Observer: observer{func(d executor.NodeDone) {
		if d.Outcome == executor.Executed {
			told = append(told, d.Node)
		}
	}}}
	sum, err := e.Build(t.Context(), o)
	if err != nil {
		return "", told, err
	}
	if !sum.OK {
		t.Fatalf("the build failed: %+v", sum)
	}
	key := recordKey(t, store, "outer")
	if key == nil {
		return "", told, nil
	}
	found, err := store.Rows(t.Context(), key)
	if err != nil {
		return "", told, err
	}
	var record trace.NodeRecord
	if err := rows.Unmarshal(found[0], &record); err != nil {
		t.Fatal(err)
	}
	value, err = textOf(t.Context(), store, executor.TargetValue{Value: record.Result.Value})
	return value, told, err
}

// recordKey is the key of a node's record.
func recordKey(t *testing.T, store cas.Store, node string) (found []byte) {
	t.Helper()
	err := store.Scan(t.Context(), []byte("n"), func(key, _ []byte) bool {
		if strings.HasSuffix(string(key), "\x00"+node) {
			found = key
		}
		return found == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rival is a store in which somebody else records another result of an action, just before the first of them is recorded here.
type rival struct {
	cas.Store
	value []byte
	once  sync.Once
}

func (s *rival) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	for _, txn := range txns {
		if recordsNode(txn, "inner") {
			s.once.Do(func() { s.recordFirst(ctx, txn) })
		}
	}
	return s.Store.Apply(ctx, txns...)
}

func recordsNode(txn cas.Txn, node string) bool {
	return slices.ContainsFunc(txn.Put, func(r cas.Row) bool { return r.Key[0] == 'n' && strings.HasSuffix(string(r.Key), "\x00"+node) })
}

func (s *rival) recordFirst(ctx context.Context, txn cas.Txn) {
	for _, row := range txn.Put {
		if row.Key[0] != 'c' {
			continue
		}
		entry := trace.DecodeEntry(row.Value)
		entry.Done.Value.Digest, entry.Done.Value.Size = hashing.Sum(s.value), int64(len(s.value))
		other, err := rows.Marshal(entry)
		if err == nil {
			_, err = s.Store.Apply(ctx, cas.Txn{Blobs: [][]byte{s.value}, Put: []cas.Row{{Key: row.Key, Value: other}}})
		}
		if err != nil {
			panic(err)
		}
	}
}

// TestAnotherResultIsRecordedFirst answers a call with a value in whose place another one is recorded, after the call went on.
func TestAnotherResultIsRecordedFirst(t *testing.T) {
	root, store := askingWorkspace(t)
	r := &asking{}
	if _, _, err := askOuter(t, root, &rival{Store: store, value: []byte("1000")}, r); err != nil {
		t.Fatal(err)
	}
	value, told, err := askOuter(t, root, store, r)
	if err != nil || value != "1000" {
		t.Errorf("the value is %s, %v, want 1000, which was recorded of the inner node", value, err)
	}
	if !slices.Equal(told, []string{"outer"}) {
		t.Errorf("%q were executed, want the outer node, which had seen what was not recorded", told)
	}
	if _, told, err = askOuter(t, root, store, r); err != nil || len(told) > 0 {
		t.Errorf("%q were executed again, %v", told, err)
	}
}

// TestASmallAnswerIsRecorded makes sure that what was answered before it was recorded is recorded.
func TestASmallAnswerIsRecorded(t *testing.T) {
	root, store := askingWorkspace(t)
	r := &asking{}
	value, told, err := askOuter(t, root, store, r)
	if err != nil || value != "1" || !slices.Equal(told, []string{"inner", "outer"}) {
		t.Fatalf("the value is %s, executed were %q, %v", value, told, err)
	}
	value, told, err = askOuter(t, root, store, r)
	if err != nil || value != "1" || len(told) > 0 {
		t.Errorf("the value is %s, executed were %q, %v; want nothing to do", value, told, err)
	}
}

// unsynced is a store on a disk that takes what is written and never makes it durable.
type unsynced struct{ cas.Store }

var errDisk = errors.New("the disk is broken")

func (unsynced) Sync(context.Context) error { return errDisk }

// TestNothingIsDoneUnlessDurable builds on a disk that is broken.
func TestNothingIsDoneUnlessDurable(t *testing.T) {
	root, store := askingWorkspace(t)
	_, told, err := askOuter(t, root, unsynced{store}, &asking{})
	if !errors.Is(err, errDisk) {
		t.Errorf("the build ended with %v, want %v", err, errDisk)
	}
	if len(told) > 0 {
		t.Errorf("%q were told to be executed, and nothing was durable", told)
	}
}

// stuck is a store whose records cannot be applied.
type stuck struct{ cas.Store }

func (s stuck) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	for _, txn := range txns {
		if recordsNode(txn, "inner") {
			return nil, fmt.Errorf("record: %w", errDisk)
		}
	}
	return s.Store.Apply(ctx, txns...)
}

// TestAnAnswerThatCannotBeRecorded answers a call with a value that cannot be recorded.
func TestAnAnswerThatCannotBeRecorded(t *testing.T) {
	root, store := askingWorkspace(t)
	r := &asking{}
	if _, told, err := askOuter(t, root, stuck{store}, r); !errors.Is(err, errDisk) || len(told) > 0 {
		t.Errorf("the build ended with %v, and executed %q; want %v", err, told, errDisk)
	}
	value, told, err := askOuter(t, root, store, r)
	if err != nil || value != "2" || !slices.Equal(told, []string{"inner", "outer"}) {
		t.Errorf("then the value is %s, executed were %q, %v; want both executed again", value, told, err)
	}
}
