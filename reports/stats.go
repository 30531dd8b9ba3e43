package reports

// RunStats sums up recorded runs; its JSON keys are among those of `stats --json`.
type RunStats struct {
	Runs       int     `json:"runs"`
	Executions int     `json:"executions"` // successful ones
	Reused     int     `json:"reused"`     // outcomes cached and fresh
	Failures   int     `json:"failures"`
	RunSeconds float64 `json:"run_seconds"` // of all runs together
	// HitRate is the share of all outcomes that were reused, CacheHitRate the share of those that were not fresh which the
	// cache had.
	HitRate      float64 `json:"hit_rate"`
	CacheHitRate float64 `json:"cache_hit_rate"`
}

// SumRuns sums up runs.
func SumRuns(runs []Head) RunStats {
	s := RunStats{Runs: len(runs)}
	cached := 0
	for _, h := range runs {
		s.Executions += h.Executed
		s.Reused += h.Cached + h.Fresh
		s.Failures += h.Failed
		s.RunSeconds += h.Seconds
		cached += h.Cached
	}
	s.HitRate = share(s.Reused, s.Executions+s.Failures)
	s.CacheHitRate = share(cached, s.Executions+s.Failures)
	return s
}

// share is the part that n is of n and the rest; 0 of nothing.
func share(n, rest int) float64 {
	if n+rest == 0 {
		return 0
	}
	return float64(n) / float64(n+rest)
}
