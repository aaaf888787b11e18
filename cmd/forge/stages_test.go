package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/training"
)

// The stages that most tests share: one forge, on which the bank's calls go the whole
// way once. Tests that come later find it further on and must not rely on its state
// beyond their stage.

// callsParts are the shipped file as it was delivered: the history, and two months.
const historyEnds = "2009-05"

var laterMonths = []string{"2009-06", "2009-07"}

var sharedUsed atomic.Bool

var opened = sync.OnceValues(func() (*forged, error) {
	data, err := os.MkdirTemp("", "forge-test-")
	if err != nil {
		return nil, err
	}
	return start(data)
})

func shared(t *testing.T) *forged {
	t.Helper()
	sharedUsed.Store(true)
	f, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// splitCalls returns the file's lines by delivery, each with the header.
func splitCalls() map[string][]byte {
	header, rest, _ := bytes.Cut(exampleBytes("calls/marketing_bank_calls.csv"), []byte("\n"))
	parts := map[string][]byte{}
	for line := range bytes.Lines(rest) {
		month := strings.SplitN(string(line), ",", 3)[1]
		if month <= historyEnds {
			month = "history"
		}
		if parts[month] == nil {
			parts[month] = append(bytes.Clone(header), '\n')
		}
		parts[month] = append(parts[month], line...)
	}
	return parts
}

// records counts the rows of a file that has one a line under a header.
func records(csv []byte) int64 { return int64(bytes.Count(csv, []byte("\n")) - 1) }

// builtForge is the first stage: from a file to a deployed, watched model.
type builtForge struct {
	*forged
	dir        string
	files      map[string]string // delivery → path
	sizes      map[string]int64  // delivery → records
	load       ingest.Load
	applied    appliedResult
	run        training.Run
	deployment serving.Deployment
	scored     struct {
		Rows     int64
		Version  int
		Snapshot string
	}
}

type appliedResult struct {
	Table          string
	Rows, Rejected int64
	Steps          []struct {
		Name            string
		In, Out         int64
		Touched, Reject int64
	}
}

var built = sync.OnceValues(func() (*builtForge, error) {
	f, err := opened()
	if err != nil {
		return nil, err
	}
	b := &builtForge{forged: f, dir: filepath.Join(f.data, "test"), files: map[string]string{}, sizes: map[string]int64{}}
	if err := b.unpack(); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		into any
		args []string
	}{
		{&b.load, []string{"ingest", b.files["history"], "--table", "raw.calls"}},
		{&b.applied, []string{"recipe", "apply", b.file("recipe.yaml")}},
		{nil, []string{"features", "apply", b.file("features.yaml")}},
		{nil, []string{"features", "training-set", "calls", "--labels", "curated.calls", "--time", "call_time", "--label", "subscribed", "--views", "call_profile,market"}},
		{nil, []string{"features", "materialize"}},
		{&b.run, []string{"train", "calls", "--training-set", "calls", "--budget", "8s", "--alias", "champion"}},
		{&b.deployment, []string{"deploy", "calls@champion"}},
		{&b.scored, []string{"batch-score", "models:/calls@champion", "--in", "curated.calls", "--out", "scored.calls"}},
		{nil, []string{"monitor", "set", "calls", b.file("monitor.yaml")}},
	} {
		if err := f.do(step.into, step.args...); err != nil {
			return nil, err
		}
	}
	return b, nil
})

func (b *builtForge) file(name string) string { return filepath.Join(b.dir, name) }

func (b *builtForge) unpack() error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	for name, content := range splitCalls() {
		b.files[name], b.sizes[name] = b.file("calls-"+name+".csv"), records(content)
		if err := os.WriteFile(b.files[name], content, 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"recipe.yaml", "features.yaml", "monitor.yaml"} {
		content := exampleBytes("calls/" + name)
		if name == "monitor.yaml" {
			content = bytes.Replace(content, []byte("budget: 20s"), []byte("budget: 5s"), 1)
		}
		if err := os.WriteFile(b.file(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func builtFor(t *testing.T) *builtForge {
	t.Helper()
	shared(t)
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// watchedForge is the second stage: two months have arrived, were predicted through
// the API, and were compared.
type watchedForge struct {
	*builtForge
	checks  map[string]checkResult
	predict map[string]fileResult
	answers map[string]string // alert → job's state
}

type checkResult struct {
	Reports []monitoring.Report
	Alerts  []monitoring.Alert
}

type fileResult struct {
	Rows     int64
	Versions map[string]int64
}

var watched = sync.OnceValues(func() (*watchedForge, error) {
	b, err := built()
	if err != nil {
		return nil, err
	}
	w := &watchedForge{builtForge: b, checks: map[string]checkResult{}, predict: map[string]fileResult{}, answers: map[string]string{}}
	for _, month := range laterMonths {
		if err := w.live(month); err != nil {
			return nil, fmt.Errorf("month %s: %w", month, err)
		}
	}
	return w, nil
})

// live lets one month arrive.
func (w *watchedForge) live(month string) error {
	var sum fileResult
	var check checkResult
	for _, step := range []struct {
		into any
		args []string
	}{
		{nil, []string{"ingest", w.files[month], "--table", "raw.calls"}},
		{nil, []string{"recipe", "apply", w.file("recipe.yaml")}},
		{nil, []string{"features", "materialize"}},
		{&sum, []string{"predict", "calls", "--file", w.files[month], "--keys", "call_id"}},
		{&check, []string{"drift", "calls"}},
	} {
		if err := w.do(step.into, step.args...); err != nil {
			return err
		}
	}
	w.predict[month], w.checks[month] = sum, check
	for _, a := range check.Alerts {
		if a.Job == "" {
			continue
		}
		var j struct{ State string }
		if err := w.do(&j, "jobs", "watch", a.Job); err != nil {
			return err
		}
		w.answers[a.ID] = j.State
	}
	return nil
}

func watchedFor(t *testing.T) *watchedForge {
	t.Helper()
	shared(t)
	w, err := watched()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// version is the deployment's model version now.
func (f *forged) version(t *testing.T, deployment string) int {
	t.Helper()
	var d serving.Deployment
	f.get(t, &d, "GET", "/api/deployments/"+deployment, nil)
	return d.Version
}

func ref(model string, version int) string { return model + "/" + strconv.Itoa(version) }
