package local_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/storepb"
)

// expectNoStore makes sure that a folder is refused by both ways of opening it, with an error that says want.
func expectNoStore(t *testing.T, dir, want string) {
	t.Helper()
	_, err := local.Open(dir, silent)
	_, sharedErr := shared(dir, silent)
	for _, err := range []error{err, sharedErr} {
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one with %q and %q", err, dir, want)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "format"), []byte("calyx-cache-2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expectNoStore(t, dir, "calyx-cache-2")
	var format *cas.FormatError
	if _, err := local.Open(dir, silent); !errors.As(err, &format) || format.Known != "calyx-cache-1" {
		t.Errorf("error = %#v, want a *cas.FormatError", err)
	}
}

func TestNotACache(t *testing.T) {
	for name, content := range map[string]string{"format": "something else", "thesis.tex": "precious"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		expectNoStore(t, dir, name)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("a folder that is no cache was written to: %v, %v", entries, err)
		}
	}
}

// TestRemains opens what a server left that wrote while somebody removed the folder.
func TestRemains(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000004.log", "000005.sst"} {
		if err := os.WriteFile(filepath.Join(dir, "db", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := connect(t, dir, silent)
	defer closeStore(t, s)
	if _, err := cas.Commit(context.Background(), s, cas.Txn{Put: []cas.Row{{Key: []byte("x"), Value: []byte("1")}}}); err != nil {
		t.Fatal(err)
	}
}

// TestNoPermission uses a folder in which not even root may make anything.
func TestNoPermission(t *testing.T) {
	expectNoStore(t, "/proc/calyx-cache", "no such file")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	expectNoStore(t, file, "not a directory")
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	s := connect(t, dir, silent)
	defer closeStore(t, s)
	if _, err := local.Open(dir, silent); !errors.Is(err, local.ErrInUse) {
		t.Errorf("error = %v, want ErrInUse", err)
	}
}

// TestLongPath serves a folder whose socket has a longer path than a socket may have.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30), strings.Repeat("path", 30))
	one, other := connect(t, dir, silent), connect(t, dir, silent)
	defer closeStore(t, one)
	defer closeStore(t, other)
	row := cas.Row{Key: []byte("x"), Value: []byte("1")}
	if _, err := cas.Commit(context.Background(), one, cas.Txn{Put: []cas.Row{row}}); err != nil {
		t.Fatal(err)
	}
	rows, err := other.Rows(context.Background(), row.Key)
	if err != nil || string(rows[0]) != "1" {
		t.Errorf("Rows = %q, %v", rows, err)
	}
	info, err := os.Stat(filepath.Join(dir, "socket"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has the mode %v, %v, want 0600", info.Mode(), err)
	}
}

// TestFolderVanishes removes the folder under a server, and uses it again.
func TestFolderVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	closeStore(t, connect(t, dir, silent))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s := connect(t, dir, silent)
	defer closeStore(t, s)
	if _, err := cas.Commit(context.Background(), s, cas.Txn{Put: []cas.Row{{Key: []byte("x"), Value: []byte("1")}}}); err != nil {
		t.Fatal(err)
	}
}

// TestBlobsRemoved loses all large blobs.
func TestBlobsRemoved(t *testing.T) {
	dir := t.TempDir()
	var told []string
	s := own(t, dir, func(text string) { told = append(told, text) })
	defer closeStore(t, s)
	large := make([]byte, 2*cas.InlineLimit)
	if _, err := cas.Commit(context.Background(), s, cas.Txn{Blobs: [][]byte{large}}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, large, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		put, err := s.PutFile(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(context.Background(), put.Digest)
		if err != nil || len(got[0]) != len(large) {
			t.Errorf("Get returned %d bytes, %v", len(got[0]), err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Get(context.Background(), put.Digest); err != nil || got[0] != nil {
			t.Errorf("Get of a lost blob returned %d bytes, %v", len(got[0]), err)
		}
	}
	if len(told) != 2 {
		t.Errorf("told %q, want each loss once", told)
	}
}

// meetAsAnother is a store server of another version, which leaves when it has met one client.
func meetAsAnother(listener net.Listener, socket string) error {
	client, err := listener.Accept()
	if err != nil {
		return err
	}
	wire := storepb.NewWire(client)
	welcome := &storepb.Tell{Kind: &storepb.Tell_Welcome{Welcome: &storepb.Welcome{Protocol: storepb.Protocol + 1}}}
	return errors.Join(wire.Receive(&storepb.Ask{}), wire.Send(welcome), listener.Close(), os.Remove(socket), wire.Close())
}

// TestOtherVersion connects where a server of another version is about to leave.
func TestOtherVersion(t *testing.T) {
	dir := t.TempDir()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := f.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- meetAsAnother(listener, f.Socket()) }()
	s := connect(t, dir, silent)
	if err := <-served; err != nil {
		t.Error(err)
	}
	closeStore(t, s)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
