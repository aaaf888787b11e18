package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/training"
)

// decode reads an answer's JSON.
func decode(resp *http.Response, out any) error { return json.NewDecoder(resp.Body).Decode(out) }

// Train trains a model on a training set.
type Train struct {
	Model       string   `arg:"" names:"model" help:"Name that the model gets in the registry."`
	TrainingSet string   `required:"" names:"trainingset" help:"Training set to learn from."`
	Target      string   `help:"Column to predict; the training set's label otherwise."`
	Task        string   `enum:"auto,binary,multiclass,regression" default:"auto" help:"Kind of prediction."`
	Metric      string   `help:"What to rank models by; by task otherwise."`
	Positive    string   `help:"Class that counts as yes; the rarer one otherwise."`
	Budget      string   `default:"60s" help:"Time for the search."`
	Seed        int      `default:"7" help:"Random seed."`
	Families    []string `help:"Model families to try; all otherwise."`
	Keep        []string `help:"Columns to use although they look like leakage."`
	Drop        []string `help:"Columns to leave out."`
	Alias       string   `help:"Alias to set on the new version, for example champion."`
	Wait
}

// Answer implements Answerer.
func (*Train) Answer() any { return training.Run{} }

func (c *Train) Run(e *Env) error {
	run, err := c.train(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(run); done {
		return err
	}
	e.printRun(run)
	return nil
}

func (c *Train) train(e *Env) (training.Run, error) {
	spec := training.Spec{
		Model: c.Model, TrainingSet: c.TrainingSet, Target: c.Target, Task: c.Task, Metric: c.Metric, Positive: c.Positive,
		Budget: c.Budget, Seed: c.Seed, Families: c.Families, Keep: c.Keep, Drop: c.Drop, Alias: c.Alias,
	}
	var done struct {
		Run string `json:"run"`
	}
	var run training.Run
	if _, err := e.start(c.Wait, "/api/runs", spec, &done, e.showTrial); err != nil {
		return run, err
	}
	return run, e.call("GET", path("api", "runs", done.Run), nil, &run)
}

// showTrial prints one line per finished trial while the search goes on.
func (e *Env) showTrial(ev jobs.Event) {
	if ev.Type != "trial" || !e.TTY || e.JSON {
		return
	}
	var t training.Trial
	if json.Unmarshal(ev.Data, &t) == nil && t.Error == "" {
		fmt.Fprintf(e.Err, "\r\033[K  %-22s %.4f  %.1fs\n", t.Family, t.Score, t.Seconds)
	}
}

func (e *Env) printRun(run training.Run) {
	e.printf("run %s on %s: %s rows to train, %s to choose, %s to judge\n", run.ID, run.Set.Table, count(run.Rows.Train), count(run.Rows.Valid), count(run.Rows.Test))
	for _, l := range run.Leakage {
		e.printf("left out %s: %s\n", l.Column, l.Reason)
	}
	best := map[string]training.Trial{}
	for _, t := range run.Leaderboard {
		if have, ok := best[t.Family]; !ok || have.Error != "" || t.Error == "" && better(run.Metric, t.Score, have.Score) {
			best[t.Family] = t
		}
	}
	trials := make([]training.Trial, 0, len(best))
	for _, t := range best {
		trials = append(trials, t)
	}
	sort.Slice(trials, func(i, j int) bool { return better(run.Metric, trials[i].Score, trials[j].Score) })
	var rows [][]string
	for _, t := range trials {
		mark := ""
		if t.Family == run.Best {
			mark = "best"
		}
		if t.Error != "" {
			mark = "refused: " + t.Error
		}
		rows = append(rows, []string{t.Family, fmt.Sprintf("%.4f", t.Score), mark})
	}
	e.Table([]string{"FAMILY", strings.ToUpper(run.Metric), "VERDICT"}, rows)
	e.printf("on rows it has not seen: %s (always guessing: %s)\n", headline(run.Metrics), headline(run.Baseline))
	if run.Version > 0 {
		e.printf("registered as %s/%d\n", run.Spec.Model, run.Version)
	}
}

// better says which score ranks higher: losses and errors are better when small.
func better(metric string, a, b float64) bool {
	switch metric {
	case "log_loss", "rmse", "mae", "brier":
		return a < b
	}
	return a > b
}

func metrics(m map[string]float64) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%s %.3f", k, m[k])
	}
	return strings.Join(keys, ", ")
}

// headline are the three metrics that say most; forge performance --all and --json have
// the others.
func headline(m map[string]float64) string {
	first := map[string]float64{}
	for _, name := range []string{"roc_auc", "rmse", "log_loss", "mae", "r2", "accuracy", "f1"} {
		if v, has := m[name]; has && len(first) < 3 {
			first[name] = v
		}
	}
	if len(first) == 0 {
		return metrics(m)
	}
	return metrics(first)
}

// Models lists the registry.
type Models struct {
	Model string `arg:"" optional:"" names:"model" help:"Show the versions of this model."`
}

type modelList struct {
	Models []training.Model `json:"models"`
}

// Answer implements Answerer.
func (*Models) Answer() any { return modelList{} }

// Otherwise implements Otherwise.
func (*Models) Otherwise() (string, any) { return "With MODEL", training.Model{} }

func (c *Models) Run(e *Env) error {
	if c.Model != "" {
		var m training.Model
		if err := e.call("GET", path("api", "models", c.Model), nil, &m); err != nil {
			return err
		}
		if done, err := e.printJSON(m); done {
			return err
		}
		e.printModels([]training.Model{m})
		return nil
	}
	var out modelList
	if err := e.call("GET", "/api/models", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Models) == 0 {
		e.printf("no models yet: forge train NAME --training-set NAME makes one\n")
		return nil
	}
	e.printModels(out.Models)
	return nil
}

func (e *Env) printModels(models []training.Model) {
	var rows [][]string
	for _, m := range models {
		for _, v := range m.Versions {
			alias := ""
			if len(v.Aliases) > 0 {
				alias = "@" + strings.Join(v.Aliases, " @")
			}
			rows = append(rows, []string{fmt.Sprintf("%s/%d", m.Name, v.Number), v.Status, alias, headline(v.Metrics), v.Created.Local().Format("2006-01-02 15:04")})
		}
	}
	e.Table([]string{"MODEL", "STATUS", "ALIAS", "METRICS", "CREATED"}, rows)
}

// Alias moves an alias to a version.
type Alias struct {
	Ref   string `arg:"" names:"modelalias" help:"MODEL@ALIAS, for example calls@champion."`
	To    int    `arg:"" optional:"" help:"Version that it is to mean."`
	Clear bool   `help:"Remove the alias."`
}

type aliasMoved struct {
	Model   string `json:"model"`
	Alias   string `json:"alias,omitempty"`
	Version int    `json:"version,omitempty"`
	Removed string `json:"removed,omitempty" doc:"With --clear: the alias that is gone"`
}

// Answer implements Answerer.
func (*Alias) Answer() any { return aliasMoved{} }

func (c *Alias) Run(e *Env) error {
	model, alias, ok := strings.Cut(c.Ref, "@")
	if !ok || (c.To == 0) != c.Clear {
		return forge.Errorf(forge.KindInvalid, nil, "want MODEL@ALIAS and a version, for example: forge alias calls@champion 3 (or --clear)")
	}
	if c.Clear {
		if err := e.call("DELETE", path("api", "models", model, "aliases", alias), nil, nil); err != nil {
			return err
		}
		return e.done(aliasMoved{Model: model, Removed: alias}, "%s is removed", c.Ref)
	}
	if err := e.call("PUT", path("api", "models", model, "aliases", alias), map[string]int{"version": c.To}, nil); err != nil {
		return err
	}
	return e.done(aliasMoved{Model: model, Alias: alias, Version: c.To}, "%s is %s/%d now", c.Ref, model, c.To)
}
