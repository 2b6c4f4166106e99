package main

import "time"

// backoff spaces the restarts of an app that keeps ending: 1 s, 2 s, 4 s … 60 s, and from the start again after
// a run that was long enough to be called one.
type backoff struct{ last time.Duration }

const (
	shortestDelay = time.Second
	longestDelay  = 60 * time.Second
	properRun     = 60 * time.Second
)

func (b *backoff) next(ran time.Duration) time.Duration {
	b.last = min(2*b.last, longestDelay)
	if ran >= properRun || b.last == 0 {
		b.last = shortestDelay
	}
	return b.last
}
