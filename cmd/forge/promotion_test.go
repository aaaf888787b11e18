package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge/training"
)

// TestNoRequestFailsDuringPromotion: the alias goes to and fro between two versions
// while eight clients ask; each answer is one of the two versions' own, whole.
func TestNoRequestFailsDuringPromotion(t *testing.T) {
	w := watchedFor(t) // leaves two versions
	var m training.Model
	w.must(t, &m, "models", "calls")
	if len(m.Versions) != 2 {
		t.Fatalf("%d versions", len(m.Versions))
	}
	w.must(t, nil, "alias", "calls@moving", "1")
	w.must(t, nil, "deploy", "calls@moving", "--name", "moving")
	want := map[int]string{}
	for _, v := range []int{1, 2} {
		name := fmt.Sprintf("still%d", v)
		w.must(t, nil, "deploy", ref("calls", v), "--name", name)
		version, scores, err := w.asked(w.owner(t), name)
		if err != nil || version != v {
			t.Fatal(version, err)
		}
		want[v] = scores
	}
	if want[1] == want[2] {
		t.Fatal("both versions answer the same: the test could not tell them apart")
	}
	token := w.owner(t)
	var stop atomic.Bool
	var answers [3]atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !stop.Load() {
				version, scores, err := w.asked(token, "moving")
				if err != nil {
					t.Error(err)
					return
				}
				if version < 1 || version > 2 || scores != want[version] {
					t.Errorf("version %d answers %s, its own answer is %s", version, scores, want[version])
					return
				}
				answers[version].Add(1)
			}
		})
	}
	for move := range 6 {
		to := 2 - move%2
		w.must(t, nil, "alias", "calls@moving", fmt.Sprint(to))
		before := answers[to].Load()
		eventually(t, fmt.Sprintf("the deployment answers with version %d", to), 20*time.Second, func() bool {
			return answers[to].Load() > before+20 || t.Failed()
		})
	}
	stop.Store(true)
	clients.Wait()
	t.Logf("%d answers by version 1, %d by version 2", answers[1].Load(), answers[2].Load())
	w.must(t, nil, "undeploy", "moving")
	if a := w.ask(token, "POST", "/v1/predict/moving", `{"rows": [{}]}`); a.status != http.StatusNotFound {
		t.Errorf("after its end the deployment answers %d", a.status)
	}
}

// asked returns the version and the scores of one answer, as they were written.
func (f *forged) asked(token, deployment string) (int, string, error) {
	a := f.ask(token, "POST", "/v1/predict/"+deployment, `{"rows": [{"age": 30, "job": "student", "euribor3m": 1.3}, {"age": 58, "campaign": 3}]}`)
	if a.err != nil || a.status != http.StatusOK {
		return 0, "", fmt.Errorf("%s answers %d %s %v", deployment, a.status, a.body, a.err)
	}
	var out struct {
		Version     int
		Predictions []struct{ Scores json.RawMessage }
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		return 0, "", err
	}
	var scores []string
	for _, p := range out.Predictions {
		scores = append(scores, string(p.Scores))
	}
	return out.Version, strings.Join(scores, " "), nil
}
