package workspace

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// identity is what `.calyx/workspace.json` holds: the id is this workspace's as long as `.calyx` is the folder in which it
// was made. A copy of a workspace is another one. The device is not part of it: many file systems get another number with
// every start of the machine.
type identity struct {
	ID    string `json:"id"`
	Inode uint64 `json:"inode"`
	Born  int64  `json:"born"` // nanoseconds since 1970; 0 where the file system does not say
}

// idLength is the number of characters of an id.
const idLength = 16

// ID returns the id of the workspace root, and gives it one if it has none. Create has been called.
func ID(root string) (string, error) {
	dir := filepath.Join(root, Folder)
	is, err := identify(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "workspace.json")
	if id, ok := readID(path, is); ok {
		return id, nil
	}
	// Of several processes that meet here the first names the workspace.
	d, err := os.Open(dir)
	if err != nil {
		return "", fmt.Errorf("name the workspace: %w", err)
	}
	defer func() { _ = d.Close() }() // gives up the lock
	if err := lockFile(d, unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("name the workspace: %w", err)
	}
	if id, ok := readID(path, is); ok {
		return id, nil
	}
	return writeID(path, is)
}

func readID(path string, is identity) (id string, ok bool) {
	var have identity
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &have) != nil || len(have.ID) != idLength {
		return "", false
	}
	is.ID = have.ID
	return have.ID, have == is
}

func writeID(path string, is identity) (string, error) {
	var random [idLength / 2]byte
	_, _ = rand.Read(random[:]) // never fails
	is.ID = hex.EncodeToString(random[:])
	text, err := json.Marshal(is)
	if err == nil {
		err = renameio.WriteFile(path, append(text, '\n'), 0o666)
	}
	if err != nil {
		return "", fmt.Errorf("name the workspace: %w", err)
	}
	return is.ID, nil
}

// lockFile locks an open file or folder, for as long as it is open.
func lockFile(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
