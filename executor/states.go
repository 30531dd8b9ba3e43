package executor

import "fmt"

// nodeState is where a node stands in one build. Every change goes through node.to.
type nodeState uint8

const (
	idle      nodeState = iota // nobody asked for it
	loading                    // fresh by the snapshot; its record is being read because somebody looks at its value
	waiting                    // for declared inputs
	lookingUp                  // a worker computes its key and reads what stands under it
	checking                   // observed inputs of a trace are brought up to date, in order
	settling                   // reused; its outputs are verified or restored
	following                  // another node executes the same action
	queued                     // for a job slot
	running                    // holds a job slot, or is between two attempts
	suspended                  // its call waits for needs; its slot is free
	done                       // has a value
	failed                     // executed without a result
	blocked                    // something that it needs failed
	dropped                    // the build stopped before it came to it
)

var stateNames = [...]string{"idle", "loading", "waiting", "looking up", "checking", "settling", "following", "queued", "running", "suspended", "done", "failed", "blocked", "dropped"}

func (s nodeState) String() string { return stateNames[s] }

// ended reports whether nothing more happens to a node in this build.
func (s nodeState) ended() bool { return s >= done }

// successors holds, as bits, the states that may follow each state.
var successors = [...]uint16{
	idle:      bits(loading, waiting, done, dropped),
	loading:   bits(done, waiting),
	waiting:   bits(lookingUp, done, failed, blocked, dropped, running), // running: by hand, whatever is known of it
	lookingUp: bits(checking, settling, following, queued, done, failed, dropped),
	checking:  bits(settling, following, queued, done, failed, dropped, lookingUp),
	settling:  bits(done, following, queued, failed, dropped),
	following: bits(lookingUp, queued, dropped),
	queued:    bits(running, dropped),
	running:   bits(suspended, queued, lookingUp, settling, done, failed, blocked, dropped),
	suspended: bits(running, done, failed, blocked, dropped),
	done:      bits(waiting), // its blobs are lost: it runs again
	failed:    0,
	blocked:   0,
	dropped:   bits(waiting), // a call that caught the failure needs it
}

func bits(states ...nodeState) (mask uint16) {
	for _, s := range states {
		mask |= 1 << s
	}
	return mask
}

// to changes the node's state.
func (n *node) to(next nodeState) {
	if successors[n.state]&(1<<next) == 0 {
		panic(fmt.Sprintf("internal error: node %q cannot go from %v to %v", n.name, n.state, next))
	}
	n.state = next
}
