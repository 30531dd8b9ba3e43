package executor

import "github.com/calyx-build/calyx/hashing"

// Sight is what was seen of a path. Sights add up.
type Sight uint8

// What may be seen of a path. Links in a path are followed, except for what says otherwise.
const (
	SawContent Sight = 1 << iota // it was opened for reading, or executed
	SawStatus                    // whether it is there, and as what: its kind, its size, whether it may be executed
	SawLink                      // where the link leads, or that it is no link
	SawNames                     // the names in the folder
	SawItself                    // the same as by SawStatus, but of the path itself: a link is a link

	allSights = SawContent | SawStatus | SawLink | SawNames | SawItself
)

// Access is what a watched command did with a path. What it did may have failed: a path that was looked for in vain was seen
// to be absent.
type Access struct {
	// Path is absolute. Links on the way to its last name are resolved in it; each of them is an access of its own.
	Path string
	// Saw is what was seen of it before the command itself first changed it.
	Saw Sight
	// Before is what stood at Path, not followed, when the command first came to it; the zero Stat where there was nothing. Outside the workspace
	// it is taken soon after that; its Ino is zero where somebody may have changed the file in between. Its Ctime is zero where the command
	// gave the file another name, which changes it.
	Before hashing.Stat
	// Changed is true where the command may have written, made, renamed or removed it.
	Changed bool
	// named is true where it is the depfile that says so: Before was taken when the command had ended.
	named bool
}
