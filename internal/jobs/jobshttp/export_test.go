package jobshttp

import (
	"net/http"
	"time"

	"aiforge.dev/forge/internal/jobs"
)

// Stream is the handler of a job's events with another heartbeat.
func Stream(q jobs.Queue, heartbeat time.Duration) func(http.ResponseWriter, *http.Request) error {
	return (&stream{q: q, heartbeat: heartbeat}).serve
}
