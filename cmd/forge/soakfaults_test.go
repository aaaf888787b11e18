package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// soakPoints are the fault points by the part of the work that passes them.
var soakPoints = map[string][]string{
	"load":        {"upload made", "part written", "planned", "sent", "committed", "recorded", "done", "file removed"},
	"log":         {"append", "appended"},
	"sink":        {"read", "spooled", "rows written", "rejects committed", "committed", "trimmed"},
	"lake":        {"planned", "metadata written", "moved"},
	"recipe":      {"pinned", "written", "applied"},
	"features":    {"tagged", "pinned", "joined", "set stored", "filled", "switched"},
	"batch":       {"pinned", "rows written", "committed"},
	"trainer":     {"exported", "package received", "package kept", "registered", "verified", "ready", "published"},
	"registry":    {"alias moves", "alias moved"},
	"predictions": {"keep", "kept", "taken"},
	"audit":       {"writes", "written"},
	"jobs":        {"claimed", "step done", "ends", "ended"},
}

// What is done at a moment of chance.
const (
	killServer  = "kill the server"
	killTwice   = "kill the server, and again while it starts"
	killWorker  = "kill a query worker"
	killTrainer = "kill the trainer"
	freeze      = "freeze the server; a second one is turned away"
	fullDisk    = "the disk is full for a moment"
	clockBack   = "the clock goes back an hour"
)

// soakFault is one fault and what came of it.
type soakFault struct {
	Number int    `json:"n"`
	Round  int    `json:"round"`
	Step   string `json:"step"`
	What   string `json:"what"`
	After  int64  `json:"after_ms"` // since the step began
}

// disturb does faults while a step runs, until they are done or it has nothing left to
// be disturbed. It leaves a server that works.
func (s *soak) disturb(st step, n int, done <-chan struct{}) {
	began := time.Now()
	for range n {
		what, ok := s.disturbOnce(st, done)
		if ok {
			s.note(st, what, time.Since(began))
		}
		s.revive()
	}
}

func (s *soak) disturbOnce(st step, done <-chan struct{}) (what string, ok bool) {
	if points := s.reachable(st); len(points) > 0 && s.rng.IntN(10) < 7 {
		return s.atPoint(points, done)
	}
	moments := []string{killServer, killServer, killTwice, freeze, cutBroker, clockBack}
	if s.disk != "" {
		moments = append(moments, fullDisk)
	}
	if st.trains {
		moments = append(moments, killTrainer, killTrainer)
	} else if st.queries {
		moments = append(moments, killWorker, killWorker)
	}
	what = s.leastDone(moments)
	select {
	case <-time.After(time.Duration(s.rng.IntN(400)) * time.Millisecond):
	case <-done:
	}
	return what, s.atMoment(what, done)
}

// reachable are the points of a step.
func (s *soak) reachable(st step) (points []string) {
	for _, part := range st.parts {
		name, only, _ := strings.Cut(part, ":")
		for _, p := range soakPoints[name] {
			if only == "" || slices.Contains(strings.Split(only, ","), p) {
				points = append(points, name+": "+p)
			}
		}
	}
	return points
}

// leastDone picks one of those that were done least often.
func (s *soak) leastDone(names []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := []string{}
	for _, n := range names {
		switch {
		case len(best) == 0 || s.tried[n] < s.tried[best[0]]:
			best = []string{n}
		case s.tried[n] == s.tried[best[0]]:
			best = append(best, n)
		}
	}
	pick := best[s.rng.IntN(len(best))]
	s.tried[pick]++
	return pick
}

func (s *soak) atPoint(points []string, done <-chan struct{}) (string, bool) {
	point := s.leastDone(points)
	actions := []string{actKill, actKill, actStop, actFull, actLost}
	if s.disk != "" {
		actions[3] = actFill
	}
	action := actions[s.rng.IntN(len(actions))]
	armed, fired := s.ctl.path("armed", point), s.ctl.path("fired", point)
	_ = os.Remove(fired)
	if action == actKill {
		s.server.expect()
	}
	if err := os.WriteFile(armed+".new", []byte(action), 0o600); err != nil || os.Rename(armed+".new", armed) != nil {
		s.violation("the fault could not be armed: %v", err)
	}
	if !s.waitFor(fired, done) && os.Remove(armed) == nil {
		s.server.forgive()
		return "", false // the step does not come by here any more
	}
	switch action {
	case actKill:
		<-s.server.ended
	case actStop:
		s.wake()
	case actFill:
		s.room()
	}
	return action + " at " + point, true
}

// waitFor waits for a file until the step is done, and a moment longer.
func (s *soak) waitFor(file string, done <-chan struct{}) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	until := time.After(30 * time.Second)
	for {
		if _, err := os.Stat(file); err == nil {
			return true
		}
		select {
		case <-tick.C:
		case <-until:
			return false
		case <-done:
			done, until = nil, time.After(100*time.Millisecond)
		}
	}
}

func (s *soak) atMoment(what string, done <-chan struct{}) bool {
	switch what {
	case killServer:
		s.server.kill()
	case killTwice:
		s.server.kill()
		if err := s.server.spawn(); err != nil {
			s.violation("%v", err)
		}
		<-time.After(time.Duration(s.rng.IntN(900)) * time.Millisecond)
		s.server.kill()
	case killWorker:
		return s.killChild(" worker", done)
	case killTrainer:
		return s.killChild("forge_trainer", done)
	case freeze:
		_ = syscall.Kill(s.server.pid, syscall.SIGSTOP)
		s.wake()
	case fullDisk:
		_ = fillDisk(s.ctl.path("ballast"))
		s.room()
	case cutBroker:
		if err := os.WriteFile(s.ctl.path("armed", cutBroker), nil, 0o600); err != nil {
			s.violation("%v", err)
		}
		_ = os.Remove(s.ctl.path("fired", cutBroker))
		return s.waitFor(s.ctl.path("fired", cutBroker), nil)
	case clockBack:
		s.clock -= 3600
		if err := os.WriteFile(s.ctl.path("clock"), fmt.Append(nil, s.clock), 0o600); err != nil {
			s.violation("%v", err)
		}
	}
	return true
}

func (s *soak) killChild(word string, done <-chan struct{}) bool {
	for {
		if pids := s.server.children(word); len(pids) > 0 {
			return syscall.Kill(pids[s.rng.IntN(len(pids))], syscall.SIGKILL) == nil
		}
		select {
		case <-done:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// wake lets a stopped server go on, after another one has tried to take its place.
func (s *soak) wake() {
	if err := s.server.second(); err != nil {
		s.violation("%v", err)
	}
	_ = syscall.Kill(s.server.pid, syscall.SIGCONT)
}

// room makes room on the disk after a moment.
func (s *soak) room() {
	var fs syscall.Statfs_t
	for until := time.Now().Add(10 * time.Second); ; <-time.After(time.Millisecond) { // the server fills it itself
		if err := syscall.Statfs(s.server.data, &fs); err == nil && fs.Bavail <= 64 {
			break
		}
		if time.Now().After(until) {
			s.violation("the disk was not filled: %d blocks are free", fs.Bavail)
			break
		}
	}
	<-time.After(time.Duration(50+s.rng.IntN(600)) * time.Millisecond)
	if err := os.Remove(s.disk); err != nil && !os.IsNotExist(err) {
		s.violation("%v", err)
	}
	// A full disk and a kill are two faults: what memory alone has goes to disk first.
	<-time.After(500 * time.Millisecond)
}

// revive starts the server if it was killed; that it ended by itself is a finding.
func (s *soak) revive() {
	select {
	case <-s.server.ended:
	default:
		return
	}
	if s.server.died() {
		s.violation("the server ended by itself: %s", tail(s.server.log, 20))
	}
	s.restarts++
	if err := s.server.start(); err != nil {
		s.violation("after a fault: %v", err)
	}
}
