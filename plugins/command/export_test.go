package command

import "time"

// SetGrace shortens the time that a command has to end.
func (r *Runner) SetGrace(d time.Duration) { r.grace = d }
