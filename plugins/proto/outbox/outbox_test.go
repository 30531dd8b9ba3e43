package outbox_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/plugins/proto/outbox"
)

// What many put in comes out once, each one's in order.
func TestQueue(t *testing.T) {
	const writers, each = 8, 1000
	q := outbox.New[[2]int]()
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				q.Put([2]int{w, i})
			}
		})
	}
	go func() {
		writing.Wait()
		q.Close()
	}()
	var next [writers]int
	var items [][2]int
	for {
		if items = q.Take(items); len(items) == 0 {
			break
		}
		for _, item := range items {
			if next[item[0]] != item[1] {
				t.Fatalf("writer %d: %d came where %d was due", item[0], item[1], next[item[0]])
			}
			next[item[0]]++
		}
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d of %d came", w, n, each)
		}
	}
	q.Put([2]int{})
	if left := q.Take(nil); len(left) > 0 {
		t.Error("a closed queue took an item")
	}
}

// Messages hold all items in order, and are not too long, but for single items.
func TestMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items, got []*wrapperspb.BytesValue
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 150), 0, 30).Draw(t, "sizes") {
			items = append(items, wrapperspb.Bytes(make([]byte, size)))
		}
		err := outbox.Messages(items, 100, func(some []*wrapperspb.BytesValue) error {
			size := 0
			for _, item := range some {
				size += proto.Size(item)
			}
			if len(some) == 0 || len(some) > 1 && size > 100 {
				t.Fatalf("a message of %d items and %d bytes", len(some), size)
			}
			got = append(got, some...)
			return nil
		})
		if err != nil || !slices.Equal(got, items) {
			t.Fatalf("%d of %d items came (%v)", len(got), len(items), err)
		}
	})
}

func TestMessagesStop(t *testing.T) {
	wrong := errors.New("wrong")
	times := 0
	items := []*wrapperspb.BytesValue{wrapperspb.Bytes(make([]byte, 99)), wrapperspb.Bytes(make([]byte, 99))}
	err := outbox.Messages(items, 100, func([]*wrapperspb.BytesValue) error { times++; return wrong })
	if !errors.Is(err, wrong) || times != 1 {
		t.Errorf("it sent %d times and returned %v", times, err)
	}
}
