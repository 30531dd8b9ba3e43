package client

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/folder"
)

// TestStartsAnother starts a server that is stopped before it is ready; the next one says why it cannot serve.
func TestStartsAnother(t *testing.T) {
	usual := startWithin
	t.Cleanup(func() { startWithin = usual })
	startWithin = time.Hour
	dir := t.TempDir()
	f, err := folder.Open(filepath.Join(dir, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	const stopsOnce = `mkdir "$0" 2>/dev/null && kill -STOP $$; echo the second one`
	_, err = Connect(context.Background(), f, Options{Server: []string{"sh", "-c", stopsOnce, filepath.Join(dir, "started")}, Warn: func(string) {}})
	if err == nil || err.Error() != "the second one" {
		t.Errorf("Connect = %v, want what the second server says", err)
	}
}
