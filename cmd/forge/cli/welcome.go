package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/monitoring"
)

// state is how far a project has come, as forge alone looks at it.
type state struct {
	base        string // empty: no server
	problem     error  // why the server cannot be asked
	tables      []lake.Table
	sets        []string
	models      modelList
	deployments deploymentList
	alerts      []monitoring.Alert
	running     []jobs.Job
}

// Next is what forge alone prints with --json.
type Next struct {
	Server      string   `json:"server,omitempty" doc:"Its address; left out when none runs"`
	Tables      []string `json:"tables"`
	Models      []string `json:"models"`
	Deployments []string `json:"deployments"`
	OpenAlerts  int      `json:"open_alerts"`
	RunningJobs int      `json:"running_jobs"`
	Next        []Advice `json:"next" doc:"What to do next, the best first"`
}

// Advice is one thing to do.
type Advice struct {
	Command string `json:"command"`
	Why     string `json:"why"`
}

// Welcome is forge without a command: where the project stands and what to do next.
func Welcome(e *Env) error {
	s := e.look()
	next := Next{Server: s.base, Tables: each(s.tables, func(t lake.Table) string { return t.Name.String() }), Models: []string{}, Deployments: []string{}, Next: s.advice()}
	for _, m := range s.models.Models {
		next.Models = append(next.Models, m.Name)
	}
	for _, d := range s.deployments.Deployments {
		next.Deployments = append(next.Deployments, d.Name)
	}
	next.OpenAlerts, next.RunningJobs = s.open(), len(s.running)
	if done, err := e.printJSON(next); done {
		return err
	}
	e.printf("AI Forge: from a CSV file to a watched prediction API, in one binary.\n\n")
	e.printf("%s\n\n", s.summary())
	var rows [][]string
	for _, a := range next.Next {
		rows = append(rows, []string{"  " + a.Command, a.Why})
	}
	rows = append(rows, []string{"  forge doctor", "what is installed and what is missing"}, []string{"  forge --help", "all commands"})
	e.Table([]string{"Next:", ""}, rows)
	return nil
}

// look asks the server for everything that decides what comes next.
func (e *Env) look() state {
	var s state
	c, err := e.Client()
	if err != nil {
		s.problem = err
		return s
	}
	s.base = c.Base
	ctx, cancel := context.WithTimeout(e.Ctx, 5*time.Second)
	defer cancel()
	var tables tableList
	var alerts alertList
	var running jobList
	for path, into := range map[string]any{"/api/tables": &tables, "/api/models": &s.models, "/api/deployments": &s.deployments, "/api/alerts": &alerts, "/api/jobs?limit=50": &running} {
		if err := c.Call(ctx, "GET", path, nil, into); err != nil {
			return state{problem: err}
		}
	}
	if s.sets, err = names(ctx, c, "trainingset"); err != nil {
		return state{problem: err}
	}
	s.tables, s.alerts = tables.Tables, alerts.Alerts
	for _, j := range running.Jobs {
		if !j.State.Done() {
			s.running = append(s.running, j)
		}
	}
	return s
}

func (s state) open() int {
	n := 0
	for _, p := range episodes(s.alerts) {
		if p.state() == "open" {
			n++
		}
	}
	return n
}

func (s state) summary() string {
	if s.problem != nil {
		text := s.problem.Error()
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	parts := []string{plural(int64(len(s.tables)), "table", "tables"), plural(int64(len(s.models.Models)), "model", "models"), plural(int64(len(s.deployments.Deployments)), "deployment", "deployments")}
	if n := len(s.running); n > 0 {
		parts = append(parts, plural(int64(n), "running job", "running jobs"))
	}
	if n := s.open(); n > 0 {
		parts = append(parts, plural(int64(n), "open alert", "open alerts"))
	}
	return fmt.Sprintf("The server is at %s, studio included: %s.", s.base, strings.Join(parts, ", "))
}

// advice is the way from where the project stands to a watched prediction.
func (s state) advice() []Advice {
	var out []Advice
	add := func(command, why string) { out = append(out, Advice{command, why}) }
	if s.problem != nil {
		add("forge up", "start the server and run the demo")
		add("forge up --no-demo", "start the server alone, in the background")
		add("forge serve", "start it in this terminal")
		return out
	}
	if len(s.running) > 0 {
		add("forge jobs watch "+s.running[0].ID, strings.ToLower(s.running[0].Title[:1])+s.running[0].Title[1:]+": follow it")
	}
	if s.open() > 0 {
		add("forge alerts", "look at what has moved")
	}
	table := s.source()
	switch {
	case table == "":
		add("forge ingest FILE.csv --table raw.NAME", "take in a file of your own")
		add("forge demo calls", "or run the demo: a bank's calls, two minutes")
	case len(s.sets) == 0 && len(s.models.Models) == 0:
		add("forge tables "+table, "look at its columns")
		add("forge recipe suggest "+table+" > recipe.yaml", "clean and mask it: what would be done, and why")
		add("forge features training-set NAME --labels "+table+" --label COLUMN", "choose what to predict")
	case len(s.models.Models) == 0:
		add(fmt.Sprintf("forge train %s --training-set %s --alias champion", s.sets[0], s.sets[0]), "train a first model")
	case len(s.deployments.Deployments) == 0:
		add("forge deploy "+s.ref(), "make the model answer")
	default:
		d := s.deployments.Deployments[0].Name
		add("forge predict "+d+" -e KEY=VALUE", "ask the model")
		add("forge drift "+d, "compare what it sees with what it learnt from")
		add("forge lineage "+s.ref(), "where its answers come from")
	}
	return out
}

// source is the table that is nearest to being learnt from: a cleaned one, else the
// newest that was loaded. What the platform itself keeps does not count.
func (s state) source() string {
	newest := slices.Clone(s.tables)
	slices.SortFunc(newest, func(a, b lake.Table) int { return b.Updated.Compare(a.Updated) })
	for _, want := range []func(lake.Table) bool{
		func(t lake.Table) bool { return t.Name.Namespace == "curated" },
		func(t lake.Table) bool {
			return t.Name.Namespace != "monitoring" && t.Name.Namespace != "training"
		},
	} {
		for _, t := range newest {
			if want(t) && !strings.HasSuffix(t.Name.Name, "__rejects") {
				return t.Name.String()
			}
		}
	}
	return ""
}

func (s state) ref() string {
	for _, m := range s.models.Models {
		if _, ok := m.Aliases["champion"]; ok {
			return m.Name + "@champion"
		}
	}
	for _, m := range s.models.Models {
		if len(m.Versions) > 0 {
			return fmt.Sprintf("%s/%d", m.Name, m.Versions[0].Number)
		}
	}
	return "MODEL@ALIAS"
}
