package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/monitoring/watch"
)

// step is one command of the flow. Its client does what a careful client does: when
// the command fails, it waits until the server's jobs are done, and gives the command
// again only if none of them has done it.
type step struct {
	name    string
	kind    string // of its job; none when the command is the work
	args    []string
	parts   []string // whose fault points it passes, "part" or "part:point,point"
	queries bool     // query workers take part
	trains  bool
	twice   bool          // two clients at once
	lasts   time.Duration // that the step goes on while faults are waited for
}

// ingestParts etc. are what steps have in common.
var (
	jobParts   = []string{"jobs", "audit"}
	writeParts = append([]string{"lake"}, jobParts...)
	topicParts = append([]string{"log", "sink"}, writeParts...)
)

func (s *soak) ingestStep(delivery string, twice bool) step {
	return step{name: "ingest " + delivery, kind: "ingest.csv", args: []string{"ingest", s.files[delivery], "--table", "raw.calls"},
		parts: append([]string{"load"}, topicParts...), queries: true, twice: twice}
}

func (s *soak) recipeStep() step {
	return step{name: "recipe", kind: "recipe.apply", args: []string{"recipe", "apply", s.files["recipe.yaml"]}, parts: append([]string{"recipe"}, writeParts...), queries: true}
}

func setStep() step {
	return step{name: "training set", kind: "features.training-set", queries: true, parts: append([]string{"features:tagged,pinned,joined,set stored"}, writeParts...),
		args: []string{"features", "training-set", "calls", "--labels", "curated.calls", "--time", "call_time", "--label", "subscribed", "--views", "call_profile,market"}}
}

func materializeStep() step {
	return step{name: "materialize", kind: "features.materialize", args: []string{"features", "materialize"}, parts: append([]string{"features:filled,switched"}, jobParts...), queries: true}
}

func trainStep() step {
	return step{name: "train", kind: "train", args: []string{"train", "calls", "--training-set", "calls", "--budget", "1s", "--families", "logistic_regression", "--alias", "champion"},
		parts: []string{"trainer", "registry"}, trains: true}
}

func batchStep() step {
	return step{name: "batch", kind: "batch.score", args: []string{"batch-score", "models:/calls@champion", "--in", "curated.calls", "--out", "scored.calls"},
		parts: append([]string{"batch"}, writeParts...), queries: true}
}

// flows are the rounds. "first" begins with an empty folder, the others where the
// first one, a training and a deployment have ended.
func (s *soak) flows() map[string][]step {
	apply := step{name: "features apply", args: []string{"features", "apply", s.files["features.yaml"]}, parts: []string{"audit"}}
	promote := step{name: "promote", args: []string{"alias", "calls@champion", "1"}, parts: []string{"registry", "audit"}}
	drift := step{name: "drift", kind: watch.Kind, args: []string{"drift", "calls"}, parts: append([]string{"predictions:taken"}, topicParts...), queries: true}
	predict := step{name: "predict", args: []string{"deployments"}, parts: []string{"predictions", "log:append,appended", "sink"}, lasts: 3 * time.Second}
	return map[string][]step{
		"first": {s.ingestStep("history", true), s.recipeStep(), apply, setStep(), materializeStep()},
		"later": {predict, s.ingestStep(laterMonths[0], false), s.recipeStep(), materializeStep(), predict, batchStep(), s.ingestStep(laterMonths[1], true),
			s.recipeStep(), setStep(), promote, drift},
		"train": {trainStep(), predict, batchStep()},
	}
}

// do carries a step out, however often it is disturbed.
func (s *soak) do(st step, faults int) {
	before := s.jobIDs()
	done, calm := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(calm)
		s.disturb(st, faults, done)
	}()
	how := s.carryOut(st, before)
	select {
	case <-time.After(st.lasts):
	case <-calm:
	}
	close(done)
	<-calm
	s.outcomes[how]++
}

func (s *soak) carryOut(st step, before map[string]bool) string {
	how := "undisturbed"
	for try := 1; ; try++ {
		o := s.send(st)
		if o.code == cli.ExitOK {
			return how
		}
		s.logf("%s, try %d: exit %d: %s", st.name, try, o.code, strings.TrimSpace(o.errs))
		if try == 25 {
			s.violation("step %s is not done after %d tries: %s", st.name, try, o.errs)
			return "never"
		}
		if !s.settle() {
			return "never"
		}
		if st.kind != "" {
			for id, j := range s.jobList() {
				if !before[id] && j.Kind == st.kind && j.State == jobs.Succeeded {
					return "went on by itself"
				}
			}
		}
		how = "client tried again"
		<-time.After(50 * time.Millisecond)
	}
}

// send gives the step's command, by two clients at once if the step is of that kind.
func (s *soak) send(st step) output {
	var other sync.WaitGroup
	if st.twice {
		other.Go(func() { s.command(st.args...) })
	}
	o := s.command(st.args...)
	other.Wait()
	return o
}

func (s *soak) command(args ...string) output {
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	code := run(ctx, append([]string{"--data", s.server.data, "--json"}, args...), strings.NewReader(""), &out, &errs)
	return output{out.String(), errs.String(), code}
}

// call asks the server that is there now.
func (s *soak) call(method, path string, in, out any) error {
	c, err := cli.Connect("", "", s.server.data)
	if err != nil {
		return err
	}
	c.HTTP = &http.Client{Timeout: 20 * time.Second, Transport: s.transport}
	return c.Call(context.Background(), method, path, in, out)
}

// insist is call until it succeeds.
func (s *soak) insist(method, path string, in, out any) {
	var err error
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); <-time.After(20 * time.Millisecond) {
		if err = s.call(method, path, in, out); err == nil {
			return
		}
	}
	s.violation("%s %s: %v", method, path, err)
}

func (s *soak) jobList() map[string]jobs.Job {
	var out struct{ Jobs []jobs.Job }
	s.insist("GET", "/api/jobs?limit=1000", nil, &out)
	all := map[string]jobs.Job{}
	for _, j := range out.Jobs {
		all[j.ID] = j
	}
	return all
}

func (s *soak) jobIDs() map[string]bool {
	ids := map[string]bool{}
	for id := range s.jobList() {
		ids[id] = true
	}
	return ids
}

// settle waits until no job is queued or running: the work goes on by itself.
func (s *soak) settle() bool {
	var open []string
	for until := time.Now().Add(120 * time.Second); time.Now().Before(until); <-time.After(50 * time.Millisecond) {
		open = open[:0]
		for _, j := range s.jobList() {
			if !j.State.Done() {
				open = append(open, fmt.Sprintf("%s (%s, attempt %d, %s)", j.Title, j.State, j.Attempt, j.Error))
			}
		}
		if len(open) == 0 {
			return true
		}
	}
	s.violation("the work does not end by itself: %s", strings.Join(open, "; "))
	return false
}

// unpack writes the files of the flow: the calls of the bank, scaled down.
func (s *soak) unpack() error {
	s.files, s.entities = map[string]string{}, nil
	for name, content := range splitCalls() {
		keep := 5
		if name == "history" {
			keep = 20
		}
		var thin bytes.Buffer
		i := 0
		for line := range bytes.Lines(content) {
			if i%keep == 0 || i == 0 {
				thin.Write(line)
				if id, _, _ := strings.Cut(string(line), ","); name == "history" && i > 0 {
					s.entities = append(s.entities, id)
				}
			}
			i++
		}
		s.files[name] = filepath.Join(s.work, "calls-"+name+".csv")
		if err := os.WriteFile(s.files[name], thin.Bytes(), 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"recipe.yaml", "features.yaml", "monitor.yaml"} {
		s.files[name] = filepath.Join(s.work, name)
		b := exampleBytes("calls/" + name)
		if before, _, ok := bytes.Cut(b, []byte("retrain:")); ok { // a retraining of its own would be another flow
			b = before
		}
		if err := os.WriteFile(s.files[name], b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// predicting asks for predictions of known entities until stop is closed and keeps the
// ids of those that were answered.
func (s *soak) predicting(stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(15 * time.Millisecond):
		}
		body := map[string]any{"entities": []map[string]string{{"call_id": s.entities[i%len(s.entities)]}, {"call_id": s.entities[(i*7)%len(s.entities)]}}}
		var out struct{ Predictions []struct{ ID string } }
		if s.call("POST", "/v1/predict/calls", body, &out) != nil {
			continue
		}
		s.mu.Lock()
		for _, p := range out.Predictions {
			s.answered[p.ID]++
		}
		s.mu.Unlock()
	}
}

// numberText reads a number of a JSON answer, which is a text when it is long.
func numberText(v any) string {
	if f, ok := v.(float64); ok {
		b, _ := json.Marshal(f)
		return string(b)
	}
	return fmt.Sprint(v)
}
