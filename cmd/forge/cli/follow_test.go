package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/training"
)

// working is a server with one job, which goes on until told.
func working(t *testing.T, events func(http.ResponseWriter, *http.Request)) *Env {
	t.Helper()
	mux := http.NewServeMux()
	job := jobs.Job{ID: "job_7", Title: "Fill the online store", State: jobs.Running}
	mux.HandleFunc("POST /api/features/materialize", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(job) })
	mux.HandleFunc("GET /api/jobs/job_7", func(w http.ResponseWriter, _ *http.Request) {
		job.State, job.Result = jobs.Succeeded, json.RawMessage(`{"views":[{"view":"market","version":1,"entities":1}]}`)
		_ = json.NewEncoder(w).Encode(job)
	})
	mux.HandleFunc("GET /api/jobs/job_7/events", events)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return &Env{Globals: Globals{Addr: s.URL, Token: "x"}, Ctx: t.Context(), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}
}

// TestInterrupted: Ctrl-C ends the watching, not the job, and says so.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	e := working(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		interrupt()
		<-r.Context().Done()
	})
	e.Ctx = ctx
	code := Finish(e, nil, (&FeaturesMaterialize{}).Run(e))
	said := e.Err.(*bytes.Buffer).String()
	if code != ExitFailed || fmt.Sprint(e.Out) != "" || !strings.Contains(said, "the job goes on: Fill the online store") ||
		!strings.Contains(said, "forge jobs watch job_7") || !strings.Contains(said, "forge jobs cancel job_7") {
		t.Errorf("exit %d: %s%s", code, e.Out, said)
	}
	e.JSON = true
	e.Err.(*bytes.Buffer).Reset()
	code = Finish(e, nil, &Detached{jobs.Job{ID: "job_7"}})
	var f Failure
	if err := json.Unmarshal(e.Err.(*bytes.Buffer).Bytes(), &f); err != nil || code != ExitFailed || f.Kind != "interrupted" || f.Job != "job_7" || f.Exit != ExitFailed {
		t.Errorf("%+v %v", f, err)
	}
	if code := Finish(e, nil, context.Canceled); code != ExitFailed {
		t.Errorf("interrupted before: exit %d", code)
	}
}

func TestNoWait(t *testing.T) {
	e := working(t, func(http.ResponseWriter, *http.Request) { t.Error("it is followed") })
	if code := Finish(e, nil, (&FeaturesMaterialize{Wait: Wait{NoWait: true}}).Run(e)); code != ExitOK || fmt.Sprint(e.Out) != "job_7\n" {
		t.Errorf("exit %d: %q", code, e.Out)
	}
	e.JSON, e.Out = true, &bytes.Buffer{}
	var j jobs.Job
	code := Finish(e, nil, (&FeaturesMaterialize{Wait: Wait{NoWait: true}}).Run(e))
	if err := json.Unmarshal(e.Out.(*bytes.Buffer).Bytes(), &j); err != nil || code != ExitOK || j.ID != "job_7" {
		t.Errorf("exit %d: %s %v", code, e.Out, err)
	}
}

// TestStreamThatBreaks: the server restarts while it is watched.
func TestStreamThatBreaks(t *testing.T) {
	e := working(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "id: 1\nevent: progress\ndata: {}\n\n") })
	if code := Finish(e, nil, (&FeaturesMaterialize{}).Run(e)); code != ExitOK || fmt.Sprint(e.Out) != "market@1: 1 entity online\n" {
		t.Errorf("exit %d: %s%s", code, e.Out, e.Err)
	}
}

// TestTables: cut to a terminal, whole in a pipe, and never broken by what a cell holds.
func TestTables(t *testing.T) {
	rows := [][]string{{"raw.calls", strings.Repeat("long text ", 9), "x\ty\nz\x1b[2J"}, {"größe", "", ""}}
	for width, want := range map[int]string{
		0:  "A          B                                                                                           C\nraw.calls  " + strings.Repeat("long text ", 9) + "  x y z\uFFFD[2J\ngröße\n",
		40: "A          B                   C\nraw.calls  long text long te…  x y z\uFFFD[2J\ngröße\n",
	} {
		var out bytes.Buffer
		(&Env{Out: &out, Width: width}).Table([]string{"A", "B", "C"}, rows)
		if out.String() != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, out.String(), want)
		}
	}
	var out bytes.Buffer
	(&Env{Out: &out, Bold: true}).Table([]string{"A"}, nil)
	if out.String() != "\033[1mA\033[0m\n" {
		t.Errorf("%q", out.String())
	}
}

func TestSure(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		var asked bytes.Buffer
		err := (&Env{In: strings.NewReader(answer), Err: &asked, Asks: true}).sure(false, "really?")
		if (err == nil) != want || !strings.Contains(asked.String(), "really? [y/N]") {
			t.Errorf("%q: %v", answer, err)
		}
	}
	if err := (&Env{}).sure(false, "really?"); ExitCode(err) != ExitUsage {
		t.Errorf("nobody to ask: %v", err)
	}
}

// TestAdvice: from nothing to a watched model, the next command is the right one.
func TestAdvice(t *testing.T) {
	now := time.Now()
	table := func(name string) lake.Table {
		n, err := forge.ParseTableName(name)
		if err != nil {
			t.Fatal(err)
		}
		return lake.Table{Name: n, Updated: now}
	}
	model := modelList{[]training.Model{{Name: "churn", Aliases: map[string]int{"champion": 1}}}}
	answers := deploymentList{[]serving.Deployment{{Name: "churn"}}}
	for want, s := range map[string]state{
		"forge up":                                                {problem: errors.New("no server")},
		"forge ingest FILE.csv --table raw.NAME":                  {tables: []lake.Table{table("monitoring.predictions")}},
		"forge tables raw.customers":                              {tables: []lake.Table{table("raw.customers__rejects"), table("raw.customers"), table("monitoring.predictions")}},
		"forge tables curated.customers":                          {tables: []lake.Table{table("raw.customers"), table("curated.customers")}},
		"forge train churn --training-set churn --alias champion": {tables: []lake.Table{table("raw.customers")}, sets: []string{"churn"}},
		"forge deploy churn@champion":                             {tables: []lake.Table{table("raw.customers")}, sets: []string{"churn"}, models: model},
		"forge predict churn -e KEY=VALUE":                        {tables: []lake.Table{table("raw.customers")}, models: model, deployments: answers},
		"forge alerts":                                            {tables: []lake.Table{table("raw.customers")}, models: model, deployments: answers, alerts: []monitoring.Alert{{State: "open"}}},
		"forge jobs watch job_1":                                  {running: []jobs.Job{{ID: "job_1", Title: "Train churn"}}},
	} {
		if got := s.advice(); len(got) == 0 || got[0].Command != want {
			t.Errorf("%+v: %+v, want %s", s, got, want)
		}
	}
}

// TestEpisodes: what began together is one line, with the newest state and the answer.
func TestEpisodes(t *testing.T) {
	june := time.Date(2009, 6, 1, 0, 0, 0, 0, time.UTC)
	alert := func(version, month, since int, state, job, outcome string) monitoring.Alert {
		return monitoring.Alert{ID: fmt.Sprint("alert_", version, month), Deployment: "calls", Version: version, Kind: "drift", Columns: []string{"month", "job", "age", "prediction"},
			Since: june.AddDate(0, since, 0), Window: [2]time.Time{june.AddDate(0, month, 0)}, State: state, Job: job, Outcome: outcome}
	}
	all := episodes([]monitoring.Alert{ // newest first
		alert(2, 4, 3, "acting", "job_2", ""),
		alert(1, 2, 1, "resolved", "job_1", "calls/1 gives way: roc_auc 0.5 against 0.6"),
		alert(1, 1, 1, "open", "", "no retraining: the last one was for May"),
		alert(1, 0, 0, "open", "", ""),
	})
	var got []string
	for _, p := range all {
		got = append(got, fmt.Sprintf("%d %s %d %s / %s", p.number, p.state(), len(p.alerts), moved(p.newest()), done(p)))
	}
	want := []string{"3 acting 1 month, job and 1 more / retraining runs", "2 resolved 2 month, job and 1 more / calls/1 gives way", "1 open 1 month, job and 1 more / nothing yet"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}
