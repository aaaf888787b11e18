package trainer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/runlocal"
	"aiforge.dev/forge/training/trainer"
)

// lakeData is trainer.Data on a lake, as cmd wires it.
type lakeData struct{ house *lake.House }

func (d lakeData) query(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64) (lake.Query, error) {
	q := lake.Query{SQL: sql, Sources: map[forge.TableName]lake.Source{}}
	for name, snapshot := range at {
		files, schema, err := d.house.Tables.Files(ctx, scope, name, snapshot)
		if err != nil {
			return q, err
		}
		q.Sources[name] = lake.Source{Files: files, Schema: schema}
	}
	return q, nil
}

func (d lakeData) Rows(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64) ([][]any, error) {
	q, err := d.query(ctx, scope, sql, at)
	if err != nil {
		return nil, err
	}
	r, err := d.house.Engine.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rows, err := lake.Collect(ctx, r)
	return rows.Rows, err
}

func (d lakeData) Export(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64, dir string) (int64, error) {
	q, err := d.query(ctx, scope, sql, at)
	if err != nil {
		return 0, err
	}
	schema, err := d.house.Engine.Describe(ctx, q)
	if err != nil {
		return 0, err
	}
	for i := range schema.Columns {
		schema.Columns[i].ID = i + 1
	}
	files, err := d.house.Engine.Write(ctx, q, schema, dir)
	return laketest.RowsOf(files), err
}

// trainingSet stores the result of a SELECT as a training set.
func trainingSet(t *testing.T, house *lake.House, sql string, columns []features.SetColumn, paths ...string) features.TrainingSet {
	t.Helper()
	name := laketest.Name("training.calls")
	snap, err := house.Write(t.Context(), scope, name, lake.Query{SQL: sql, Paths: paths}, nil, lake.Replace, lake.Change{})
	if err != nil {
		t.Fatal(err)
	}
	set := calls()
	set.Snapshot, set.Rows, set.Columns = snap.ID, snap.Rows, columns
	return set
}

// exported runs a set through the export of a run and reads the rows back.
func exported(t *testing.T, b *bench, house *lake.House, columns string) [][]any {
	t.Helper()
	var out [][]any
	b.launch = func(ctx context.Context, dir string, emit func(json.RawMessage)) error {
		files, err := filepath.Glob(filepath.Join(dir, "data", "data", "*.parquet"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("exported files %v, %w", files, err)
		}
		sql := fmt.Sprintf("SELECT %s FROM read_parquet(['%s']) ORDER BY __row", columns, strings.Join(files, "','"))
		r, err := house.Engine.Query(ctx, lake.Query{SQL: sql, Paths: files})
		if err != nil {
			return err
		}
		defer r.Close()
		rows, err := lake.Collect(ctx, r)
		out = rows.Rows
		if err != nil {
			return err
		}
		return goodTrainer(ctx, dir, emit)
	}
	run, job := b.train(t, training.Spec{Model: "calls", TrainingSet: "calls"})
	if run.State != "succeeded" {
		t.Fatalf("run %s: %s%s", run.State, run.Error, job.Error)
	}
	return out
}

// onLake makes the bench read a real lake.
func onLake(t *testing.T, b *bench, house *lake.House, l training.Launcher) {
	if l == nil {
		l = b.fakes
	}
	b.Trainer = trainer.New(trainer.Config{
		Dir: b.dir, Runs: b.store, Registry: b.store, Queue: b.queue, Sets: b.fakes, Data: lakeData{house}, Launcher: l, Verifier: b.fakes, Lineage: b.fakes, Threads: 2,
	})
}

var rowColumns = []features.SetColumn{
	{Name: "id", Type: "long", Role: "key"}, {Name: "at", Type: "timestamp", Role: "time"},
	{Name: "y", Type: "boolean", Role: "label"}, {Name: "x", Type: "long", Role: "feature", From: "v@1.x"},
}

// Sixty labelled rows, two a day, stored in no order, and five without a label.
const timedRows = `SELECT id, TIMESTAMP '2009-01-01' + INTERVAL 1 DAY * (id // 2) AS at, CASE WHEN id < 60 THEN id % 3 = 0 END AS y, id * 10 AS x
	FROM (SELECT range AS id FROM range(65)) ORDER BY md5(CAST(id AS VARCHAR))`

func TestSplitInOrderOfTime(t *testing.T) {
	house, b := laketest.House(t), newBench(t)
	b.set = trainingSet(t, house, timedRows, rowColumns)
	onLake(t, b, house, nil)
	got := exported(t, b, house, `x, y, __split`)
	if len(got) != 60 {
		t.Fatalf("%d rows; want those with a label", len(got))
	}
	for i, row := range got {
		part := "train"
		if i >= 48 {
			part = "test"
		} else if i >= 36 {
			part = "valid"
		}
		if want := []any{int64(i * 10), fmt.Sprint(i%3 == 0), part}; !slices.Equal(row, want) {
			t.Fatalf("row %d is %v; want %v", i, row, want)
		}
	}
}

func TestSplitWithoutTime(t *testing.T) {
	house, b := laketest.House(t), newBench(t)
	b.set = trainingSet(t, house, strings.Replace(timedRows, "id // 2", "0", 1), rowColumns)
	onLake(t, b, house, nil)
	got := exported(t, b, house, `y, __split, x`)
	count := map[string]int{}
	for _, row := range got {
		count[fmt.Sprint(row[0], " ", row[1])]++
	}
	want := map[string]int{"true train": 12, "true valid": 4, "true test": 4, "false train": 24, "false valid": 8, "false test": 8}
	for k, n := range want {
		if count[k] != n {
			t.Errorf("%s: %d rows, want %d (%v)", k, count[k], n, count)
		}
	}
	// The same rows stored in another order fall into the same parts.
	b.set = trainingSet(t, house, strings.Replace(strings.Replace(timedRows, "id // 2", "0", 1), "ORDER BY md5", "ORDER BY sha256", 1), rowColumns)
	if again := exported(t, b, house, `y, __split, x`); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Error("the split depends on how the rows are stored")
	}
}

// The whole way with the real trainer, on the first calls of the bank.
func TestRealTrainer(t *testing.T) {
	py, err := depend.Python("")
	if err != nil {
		t.Fatal(err)
	}
	csv, err := filepath.Abs("../../examples/calls/marketing_bank_calls.csv")
	if err != nil {
		t.Fatal(err)
	}
	house, b := laketest.House(t), newBench(t)
	sql := `SELECT call_id, CAST(call_month || '-01' AS TIMESTAMP) AS at, subscribed, age, job, contact, duration, "nr.employed" FROM read_csv('` + csv + `') WHERE call_id % 16 = 0 AND call_month < '2009-06'`
	b.set = trainingSet(t, house, sql, []features.SetColumn{
		{Name: "call_id", Type: "long", Role: "key"}, {Name: "at", Type: "timestamp", Role: "time"}, {Name: "subscribed", Type: "string", Role: "label"},
		{Name: "age", Type: "long", Role: "feature", From: "profile@2.age"}, {Name: "job", Type: "string", Role: "feature", From: "profile@2.job"},
		{Name: "contact", Type: "string", Role: "kept"}, {Name: "duration", Type: "long", Role: "feature", From: "profile@2.duration"},
		{Name: "nr.employed", Type: "double", Role: "feature", From: "market@1.nr.employed"},
	}, csv)
	b.verify = func(dir string) error {
		m, err := modelpkg.Read(dir)
		if err == nil {
			_, err = modelpkg.ReadExample(dir, m)
		}
		return err
	}
	path, err := filepath.Abs("../python")
	if err != nil {
		t.Fatal(err)
	}
	onLake(t, b, house, runlocal.New(runlocal.Config{Python: py, Path: path, Threads: 2}))
	run, job := b.train(t, training.Spec{Model: "calls", TrainingSet: "calls", Budget: "1s", Alias: "champion"})
	if run.State != "succeeded" {
		log, _ := os.ReadFile(filepath.Join(b.dir, "runs", "acme", "bank", run.ID, "trainer.log"))
		t.Fatalf("run %s: %s %s\n%s", run.State, run.Error, job.Error, log)
	}
	if len(run.Leakage) != 1 || run.Leakage[0].Column != "duration" {
		t.Errorf("leakage %+v; want duration alone", run.Leakage)
	}
	families := map[string]bool{}
	for _, trial := range run.Leaderboard {
		families[trial.Family] = trial.Error == ""
	}
	if len(families) < 4 || run.Rows.Train < run.Rows.Valid || len(run.Curves) == 0 {
		t.Errorf("families %v, rows %+v", families, run.Rows)
	}
	v, err := b.store.Resolve(b.ctx, scope, "calls@champion")
	if err != nil {
		t.Fatal(err)
	}
	m, err := modelpkg.Read(v.Dir)
	if err != nil || m.TrainingSet.Snapshot != fmt.Sprint(b.set.Snapshot) || m.Run != run.ID {
		t.Fatalf("manifest %+v, %v", m, err)
	}
	for _, in := range m.Inputs {
		if in.Name == "nr.employed" && (in.View != "market" || in.Version != 1 || in.Feature != "nr.employed") {
			t.Errorf("input %+v", in)
		}
		if in.Name == "duration" {
			t.Error("the leak is an input of the model")
		}
	}
}
