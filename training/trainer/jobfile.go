package trainer

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/training"
)

// jobFormat is the version of job.json; the trainer refuses another.
const jobFormat = 1

const dataDir = "data"

// jobFile is job.json, the trainer's orders; see forge_trainer/job.py.
type jobFile struct {
	Format      int               `json:"format"`
	Run         string            `json:"run"`
	Model       string            `json:"model"`
	Task        string            `json:"task"`
	Target      string            `json:"target"`
	Positive    string            `json:"positive"`
	Metric      string            `json:"metric"`
	Columns     []jobColumn       `json:"columns"`
	Data        string            `json:"data"`
	Split       string            `json:"split"`
	Order       string            `json:"order"`
	Budget      float64           `json:"budget_s"`
	Seed        int               `json:"seed"`
	Families    []string          `json:"families"`
	Keep        []string          `json:"keep"`
	Drop        []string          `json:"drop"`
	Threads     int               `json:"threads"`
	Created     time.Time         `json:"created"`
	TrainingSet map[string]string `json:"training_set"`
}

type jobColumn struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Role    string   `json:"role"`
	View    string   `json:"view,omitempty"`
	Version int      `json:"version,omitempty"`
	Feature string   `json:"feature,omitempty"`
	Tags    []string `json:"tags,omitempty"`
}

// prepare fills the run's job directory: the rows and the orders.
func (t *Trainer) prepare(ctx context.Context, scope forge.Scope, run training.Run) (string, error) {
	dir := t.jobDir(scope, run.ID)
	if err := os.RemoveAll(dir); err != nil { // of an attempt that was cut off
		return "", err
	}
	rows := filepath.Join(dir, dataDir)
	if err := os.MkdirAll(rows, 0o700); err != nil {
		return "", forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be written", t.cfg.Dir)
	}
	c, err := t.census(ctx, scope, run.Set, run.Spec.Target)
	if err != nil {
		return "", err
	}
	sql := selectRows(run.Set, run.Spec.Target, run.Task, run.Spec.TestFrom, c)
	if _, err := t.cfg.Data.Export(ctx, scope, sql, pinned(run.Set), rows); err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(t.orders(run), "", "  ")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "job.json"), b, 0o600)
}

func (t *Trainer) orders(run training.Run) jobFile {
	budget, _ := time.ParseDuration(run.Spec.Budget) // checked when the run was planned
	j := jobFile{
		Format: jobFormat, Run: run.ID, Model: run.Spec.Model, Task: run.Task, Target: run.Spec.Target, Positive: run.Spec.Positive,
		Metric: run.Spec.Metric, Data: dataDir, Split: SplitColumn, Order: orderColumn, Budget: budget.Seconds(), Seed: run.Spec.Seed,
		Families: run.Spec.Families, Keep: run.Spec.Keep, Drop: run.Spec.Drop, Threads: t.cfg.Threads, Created: run.Created,
		TrainingSet: map[string]string{"id": run.Set.ID, "table": run.Set.Table.String(), "snapshot": strconv.FormatInt(run.Set.Snapshot, 10)},
	}
	for _, c := range run.Set.Columns {
		col := jobColumn{Name: c.Name, Type: string(c.Type), Role: c.Role, Tags: c.Tags}
		if c.Name == run.Spec.Target {
			col.Role = "label"
		} else if c.Role == "label" {
			col.Role = "other" // the set's own label, when another column is predicted
		}
		col.View, col.Version, col.Feature = origin(c)
		j.Columns = append(j.Columns, col)
	}
	return j
}

// origin reads SetColumn.From: view@version.column.
func origin(c features.SetColumn) (view string, version int, feature string) {
	view, rest, ok := strings.Cut(c.From, "@")
	if !ok {
		return "", 0, ""
	}
	number, feature, _ := strings.Cut(rest, ".")
	version, err := strconv.Atoi(number)
	if err != nil {
		return "", 0, ""
	}
	return view, version, feature
}
