// Package memory watches how much memory a running program takes, so that one that takes without end is ended before the
// machine is.
package memory

import "time"

// interval is how often a program is looked at. A program fills some hundred megabytes meanwhile.
const interval = 250 * time.Millisecond

// Watch calls over once, on a goroutine of its own, as soon as the group and session of a process together hold more memory
// than limit says, in bytes: its own, without files that are mapped and with a share of what several of them share. A limit
// of 0 is none for now. stop ends the watch; over may be under way then. On systems other than Linux it does nothing.
func Watch(leader int, limit func() int64, over func(used, limit int64)) (stop func()) {
	if !supported {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticks.C:
			}
			most := limit()
			if most == 0 {
				continue
			}
			if used := used(leader, most); used > most {
				over(used, most)
				return
			}
		}
	}()
	return func() { close(ended) }
}
