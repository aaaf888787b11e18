package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The fault run: the whole server, as a process of its own, is killed, frozen, starved
// and lied to while the flow of the demo runs on it; in the end everything must be what
// it is without faults. make soak runs it long.
var (
	soakFaults = flag.Int("soak.faults", 20, "faults of TestSoak")
	soakSeed   = flag.Uint64("soak.seed", 1, "seed of TestSoak")
	soakDisk   = flag.String("soak.disk", "", "folder on a small disk of its own for TestSoak's data, so that full disks are real")
	soakOut    = flag.String("soak.out", "", "file for TestSoak's report")
)

// soak is one fault run.
type soak struct {
	t         *testing.T
	rng       *rand.Rand
	work      string
	disk      string // file that fills the disk; empty: the disk is not ours to fill
	ctl       control
	server    *soakServer
	transport *http.Transport
	files     map[string]string
	entities  []string
	template  string
	want      map[string]map[string]string // flow → table → content of an undisturbed run

	round       int
	clock       int64
	restarts    int
	predictions int
	outcomes    map[string]int

	mu         sync.Mutex
	tried      map[string]int
	answered   map[string]int
	done       []soakFault
	violations []string
}

func TestSoak(t *testing.T) {
	began := time.Now()
	s := newSoak(t)
	order := []string{"first", "later"}
	if *soakFaults > 50 {
		order = []string{"first", "later", "train", "later", "train"}
	}
	s.prepare(order)
	for s.round = 1; len(s.done) < *soakFaults && len(s.violations) < 20; s.round++ {
		flow := order[(s.round-1)%len(order)]
		s.runRound(flow, s.want[flow])
	}
	s.report(time.Since(began))
}

func newSoak(t *testing.T) *soak {
	work := t.TempDir()
	data := filepath.Join(work, "data")
	s := &soak{
		t: t, rng: rand.New(rand.NewPCG(*soakSeed, 0)), work: work, ctl: control{filepath.Join(work, "control")}, template: filepath.Join(work, "template"),
		transport: &http.Transport{}, want: map[string]map[string]string{}, outcomes: map[string]int{}, tried: map[string]int{}, answered: map[string]int{},
	}
	for _, dir := range []string{"armed", "fired"} {
		s.must(os.MkdirAll(s.ctl.path(dir), 0o700))
	}
	if *soakDisk != "" {
		data = filepath.Join(*soakDisk, "data")
		s.disk = filepath.Join(*soakDisk, "ballast")
		s.must(os.Symlink(s.disk, s.ctl.path("ballast")))
	}
	s.server = &soakServer{data: data, ctl: s.ctl, log: filepath.Join(work, "server.log")}
	s.must(s.unpack())
	t.Cleanup(func() {
		if s.server.cmd != nil {
			s.server.kill()
		}
		_ = os.RemoveAll(data)
	})
	return s
}

func (s *soak) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// prepare runs every flow without faults, for what it leaves.
func (s *soak) prepare(order []string) {
	s.runRound("first", nil)
	s.must(s.server.start())
	for _, args := range [][]string{
		trainStep().args, {"deploy", "calls@champion"}, {"monitor", "set", "calls", s.files["monitor.yaml"]},
	} {
		if o := s.command(args...); o.code != 0 {
			s.t.Fatalf("%v: %s", args, o.errs)
		}
	}
	s.must(s.server.stop())
	s.copy(s.server.data, s.template)
	for _, flow := range order[1:] {
		if s.want[flow] == nil {
			s.runRound(flow, nil)
		}
	}
	if len(s.violations) > 0 {
		s.t.Fatalf("without faults: %v", s.violations)
	}
}

// copy makes to what from is. The data folder keeps its path: tables know theirs.
func (s *soak) copy(from, to string) {
	s.must(os.RemoveAll(to))
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		s.t.Fatalf("copy: %v: %s", err, out)
	}
}

// runRound runs a flow from its beginning; without a wanted end it is undisturbed.
func (s *soak) runRound(flow string, want map[string]string) {
	if flow == "first" {
		s.must(os.RemoveAll(s.server.data))
	} else {
		s.copy(s.template, s.server.data)
	}
	s.clock = 0
	s.must(os.WriteFile(s.ctl.path("clock"), []byte("0"), 0o600))
	s.must(s.server.start())
	clear(s.answered)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if flow != "first" {
			s.predicting(stop)
		}
	}()
	for _, st := range s.flows()[flow] {
		faults := 0
		if want != nil && len(s.done) < *soakFaults {
			faults = 2 + s.rng.IntN(3)
		}
		s.do(st, faults)
	}
	close(stop)
	<-ended
	if want == nil {
		s.settle()
		s.want[flow] = s.contents(flow == "train")
		s.must(s.server.stop())
		return
	}
	s.check(flow, want)
}

func (s *soak) note(st step, what string, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, soakFault{len(s.done) + 1, s.round, st.name, what, after.Milliseconds()})
}

func (s *soak) violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("round %d: ", s.round) + fmt.Sprintf(format, args...)
	var last []string
	for _, f := range s.done {
		if f.Round == s.round {
			last = append(last, f.Step+": "+f.What)
		}
	}
	s.violations = append(s.violations, text)
	s.t.Errorf("%s\nfaults of the round: %q", text, last)
}

func (s *soak) logf(format string, args ...any) {
	s.t.Logf("round %d: "+format, append([]any{s.round}, args...)...)
}

// soakReport is what a fault run leaves.
type soakReport struct {
	Seed        uint64         `json:"seed"`
	Machine     string         `json:"machine"`
	Disk        string         `json:"disk"`
	Faults      int            `json:"faults"`
	Violations  []string       `json:"violations"`
	Rounds      int            `json:"rounds"`
	Restarts    int            `json:"restarts"`
	Predictions int            `json:"predictions_answered"`
	Steps       map[string]int `json:"steps"` // by how they came to their end
	Seconds     float64        `json:"seconds"`
	CPU         float64        `json:"cpu_seconds"`
	Kinds       map[string]int `json:"faults_by_kind"`
	Missed      []string       `json:"points_not_reached"`
	Log         []soakFault    `json:"log"`
}

func (s *soak) report(took time.Duration) {
	r := soakReport{
		Seed: *soakSeed, Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()), Disk: "shared: full disks are errors at fault points",
		Faults: len(s.done), Violations: append([]string{}, s.violations...), Rounds: s.round - 1, Restarts: s.restarts, Predictions: s.predictions,
		Steps: s.outcomes, Seconds: took.Seconds(), CPU: cpuSeconds(), Kinds: map[string]int{}, Missed: []string{}, Log: s.done,
	}
	if s.disk != "" {
		r.Disk = "of its own: full disks are real"
	}
	for _, f := range s.done {
		r.Kinds[f.What]++
	}
	for part, points := range soakPoints {
		for _, p := range points {
			reached := false
			for _, f := range s.done {
				_, at, ok := cutLast(f.What, " at ")
				reached = reached || ok && at == part+": "+p
			}
			if !reached {
				r.Missed = append(r.Missed, part+": "+p)
			}
		}
	}
	slices.Sort(r.Missed)
	s.t.Logf("seed %d: %d faults in %d rounds, %d restarts, %d violations, %d points not reached; steps %v; %.0f s, %.0f CPU s",
		r.Seed, r.Faults, r.Rounds, r.Restarts, len(r.Violations), len(r.Missed), r.Steps, r.Seconds, r.CPU)
	if *soakOut == "" {
		return
	}
	b, err := json.MarshalIndent(r, "", " ")
	s.must(err)
	s.must(os.WriteFile(*soakOut, append(b, '\n'), 0o644))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	for i := len(s) - len(sep); i >= 0; i-- {
		if s[i:i+len(sep)] == sep {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

// cpuSeconds are those of this process and of the servers that it has waited for.
func cpuSeconds() float64 {
	sum := 0.0
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
		}
	}
	return sum
}
