// Package folder is the cache folder on disk: its layout and format, and the large blobs in it, one file each.
//
//	format           "calyx-cache-1"
//	db/              the database (package index)
//	blobs/aa/<hex>   a large blob, under the first two and all the digits of its digest
//	tmp/             a folder for each process at work, locked while the process lives
//	claim, lock, socket  the store server's (package server)
//	server.log       what the store server has to say when it fails
package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/renameio/v2"

	"github.com/calyx-build/calyx/cas"
)

// Format names the layout that this package reads and writes.
const Format = formatName + "1"

const (
	formatName    = "calyx-cache-"
	formatVersion = 1
	formatFile    = "format"
)

// Folder is an open cache folder. Its methods are safe for concurrent use, by any number of processes.
type Folder struct {
	path    string
	scratch scratch
	serial  atomic.Uint64 // numbers the temporary files of this process
}

// ErrNoCache is wrapped where the folder is something else than a cache.
var ErrNoCache = errors.New("the folder is no cache")

// Open checks the cache folder at path, or makes one where there is nothing or an empty folder. The error is a
// *cas.FormatError where a newer calyx wrote the folder, and wraps ErrNoCache where the folder is not one.
func Open(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open cache %q: %w", path, err)
	}
	found, err := os.ReadFile(filepath.Join(path, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open cache %q: %w", path, err)
	}
	if err := checkFormat(path, string(bytes.TrimSpace(found))); err != nil {
		return nil, err
	}
	return newFolder(path), nil
}

func newFolder(path string) *Folder {
	return &Folder{path: path, scratch: scratch{parent: filepath.Join(path, "tmp")}}
}

func checkFormat(path, found string) error {
	digits, ok := strings.CutPrefix(found, formatName)
	version, err := strconv.Atoi(digits)
	if !ok || err != nil || version < 1 {
		return fmt.Errorf("open cache %q: %w: its file %q says %q, want %q", path, ErrNoCache, formatFile, found, Format)
	}
	if version > formatVersion {
		return &cas.FormatError{Path: path, Found: found, Known: Format}
	}
	return nil
}

// create makes a new cache folder. Several processes may do so at once: what they write is the same.
func create(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("create cache %q: %w", path, err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("create cache %q: %w", path, err)
	}
	for _, e := range entries {
		if !mayBeOurs(e.Name()) {
			return nil, fmt.Errorf("create cache %q: %w: it holds %q and no file %q, and is not empty", path, ErrNoCache, e.Name(), formatFile)
		}
	}
	if err := renameio.WriteFile(filepath.Join(path, formatFile), []byte(Format+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("create cache %q: %w", path, err)
	}
	for _, name := range []string{"blobs", "tmp"} {
		if err := os.MkdirAll(filepath.Join(path, name), 0o700); err != nil {
			return nil, fmt.Errorf("create cache %q: %w", path, err)
		}
	}
	return newFolder(path), nil
}

// mayBeOurs reports whether a folder with something of that name and without a format file may be a cache all the same: another process
// is just writing that file (its name begins with a dot then), or this is what a server wrote while somebody removed the folder.
func mayBeOurs(name string) bool {
	switch name {
	case "db", "claim", "lock", "socket", "server.log":
		return true
	}
	return strings.HasPrefix(strings.TrimPrefix(name, "."), formatFile)
}

// Path is the folder's absolute path.
func (f *Folder) Path() string { return f.path }

// Database is the path of the database.
func (f *Folder) Database() string { return filepath.Join(f.path, "db") }

// Lock is the path of the file that whoever owns the database keeps locked.
func (f *Folder) Lock() string { return filepath.Join(f.path, "lock") }

// Claim is the path of the file by which a process that owns the database can be found.
func (f *Folder) Claim() string { return filepath.Join(f.path, "claim") }

// Socket is the path of the store server's socket.
func (f *Folder) Socket() string { return filepath.Join(f.path, "socket") }

// Log is the path of the store server's log.
func (f *Folder) Log() string { return filepath.Join(f.path, "server.log") }

// Scratch returns this process's own folder inside the cache folder, made at the first call and removed by Close.
func (f *Folder) Scratch() (string, error) { return f.scratch.get() }

// Close removes this process's scratch folder.
func (f *Folder) Close() error { return f.scratch.remove() }
