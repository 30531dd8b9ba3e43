package host

// Calls of functions that allow no other beside them take turns. A plugin that queues sees to that by itself, and what it is to do
// next can be there before it is needed: a burst of short calls then shares messages, where each would take a round trip.

// ahead reports whether an item for c may be sent although another call has the process for itself.
func (p *process) ahead(c *call) bool {
	switch {
	case !p.queues || !p.queued(c):
		return false
	case p.prints: // what comes next would be taken for the text of all calls that were sent
		return false
	case len(p.pool.accidents) > 0: // what a process fails of is found by running calls alone
		return false
	}
	return true
}

// queued reports whether c may wait for its turn in the plugin: its time limit, if it has one, must not run meanwhile.
func (p *process) queued(c *call) bool {
	return c.task.Timeout == 0 && (c.task.Ahead || c.state == answered)
}

// endTurn notes that c has ended or begun to wait. A call that was sent ahead began when the one before it had ended.
func (p *process) endTurn(c *call) {
	if !c.began && p.turn.After(c.started) {
		c.started = p.turn
	}
	c.began = true
	p.turn = p.pool.host.clock()
}
