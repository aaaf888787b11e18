package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ticks is the unit of the times in /proc/PID/stat, which Linux fixes for programs.
const ticks = 100

// stat is what /proc says of a process.
type stat struct {
	pid, parent int
	name        string
	cpu         float64 // seconds, with those of its ended children
}

func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, false
	}
	text := string(b)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	f := strings.Fields(text[end+1:])
	s := stat{pid: pid, name: text[open+1 : end]}
	s.parent, _ = strconv.Atoi(f[1])
	for _, field := range f[11:15] { // utime stime cutime cstime
		n, _ := strconv.ParseFloat(field, 64)
		s.cpu += n / ticks
	}
	return s, true
}

// tree is a process and all that descend from it.
func tree(root int) []stat {
	all := map[int][]stat{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if s, ok := readStat(pid); ok {
			all[s.parent] = append(all[s.parent], s)
		}
	}
	var out []stat
	if s, ok := readStat(root); ok {
		out = append(out, s)
	}
	for i := 0; i < len(out); i++ {
		out = append(out, all[out[i].pid]...)
	}
	return out
}

// cpuOf is the processor time of a tree, of its ended members too, in seconds. It
// must not run while members end: one may then be counted neither here nor there.
func cpuOf(root int) float64 {
	sum := 0.0
	for _, s := range tree(root) {
		sum += s.cpu
	}
	return sum
}

// memory is a reading of /proc/PID/status.
type memory struct{ now, peak, file float64 } // MB: resident, at most so far, of it files

func memoryOf(pid int) memory {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	var m memory
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if len(f) == 0 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[0], 64)
		switch name {
		case "VmRSS":
			m.now = kb * 1024 / 1e6
		case "VmHWM":
			m.peak = kb * 1024 / 1e6
		case "RssFile":
			m.file = kb * 1024 / 1e6
		}
	}
	return m
}

// watch samples the memory of a tree until it is stopped.
type watch struct {
	root int
	stop chan struct{}
	done sync.WaitGroup

	sum     float64 // most that all members had together, files that they share counted once
	server  float64 // most of the root
	child   float64 // most of any other member
	members int
}

// watchMemory looks every 50 ms.
func watchMemory(root int) *watch {
	w := &watch{root: root, stop: make(chan struct{})}
	w.done.Go(func() {
		t := time.NewTicker(50 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-w.stop:
				w.look()
				return
			case <-t.C:
				w.look()
			}
		}
	})
	return w
}

func (w *watch) look() {
	sum, file := 0.0, 0.0
	all := tree(w.root)
	for _, s := range all {
		m := memoryOf(s.pid)
		sum += m.now - m.file
		file = max(file, m.file) // the binary's pages, which all members share
		if s.pid == w.root {
			w.server = max(w.server, m.now)
		} else {
			w.child = max(w.child, m.now)
		}
	}
	w.sum = max(w.sum, sum+file)
	w.members = max(w.members, len(all))
}

// end returns the highest readings.
func (w *watch) end() *watch {
	close(w.stop)
	w.done.Wait()
	return w
}

// resetPeaks makes the peak of every member what it has now.
func resetPeaks(root int) {
	for _, s := range tree(root) {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid), []byte("5"), 0)
	}
}

// output is what a command prints, without its last line end; "" if it fails.
func output(dir, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	b, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
