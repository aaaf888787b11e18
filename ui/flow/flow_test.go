package flow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/ui/flow"
)

const text = `apiVersion: aiforge.dev/v1
kind: Pipeline
metadata:
  name: shop
nodes:
  clean:
    op: clean@1
    in:
      table: source.table
  source:
    op: table@1
    config:
      table: raw.orders
`

var scope = forge.Scope{Tenant: "main", Project: "demo"}

// operators counts the runs of each node.
func operators(runs map[string]int, fail *bool) flow.Operators {
	return flow.Operators{
		"table@1": {ID: "table@1", Title: "Table", Cached: true, Out: []flow.Port{{Name: "table", Type: flow.Table}},
			Fields: []flow.Field{{Name: "table", Title: "Table", Type: "table", Required: true}},
			Run: func(_ context.Context, s flow.Step) (flow.Outputs, error) {
				runs[s.Node]++
				return flow.Outputs{"table": {Type: flow.Table, Data: map[string]any{"table": s.Text("table"), "snapshot": "1"}}}, nil
			}},
		"clean@1": {ID: "clean@1", Title: "Clean", Cached: true, In: []flow.Port{{Name: "table", Title: "Rows", Type: flow.Table}},
			Out: []flow.Port{{Name: "table", Type: flow.Table}, {Name: "report", Type: flow.Report}},
			Run: func(_ context.Context, s flow.Step) (flow.Outputs, error) {
				runs[s.Node]++
				if *fail {
					return nil, forge.Errorf(forge.KindInvalid, nil, "column x is gone")
				}
				return flow.Outputs{"table": s.In["table"]}, nil
			}},
	}
}

func TestParseIsStrictAndCanonical(t *testing.T) {
	d, err := flow.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.YAML()
	if err != nil || string(out) != text {
		t.Errorf("round trip changed the document:\n%s", out)
	}
	for _, bad := range []string{"", "nodes: [", strings.Replace(text, "kind", "knd", 1), strings.Replace(text, "v1", "v9", 1), strings.Replace(text, "name: shop", "name: ../x", 1)} {
		if _, err := flow.Parse([]byte(bad)); forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("accepted %q: %v", bad, err)
		}
	}
}

func TestCompileNamesEveryMistake(t *testing.T) {
	ops := operators(map[string]int{}, new(bool))
	cases := map[string]struct {
		change func(flow.Document)
		want   string
	}{
		"unknown operator": {func(d flow.Document) { d.Nodes["x"] = flow.Node{Op: "nope@1"} }, `x op: there is no operator "nope@1"`},
		"missing input":    {func(d flow.Document) { d.Nodes["clean"] = flow.Node{Op: "clean@1"} }, "clean in.table: Rows is not connected"},
		"wrong type": {func(d flow.Document) {
			d.Nodes["c2"] = flow.Node{Op: "clean@1", In: map[string]string{"table": "clean.report"}}
		}, "c2 in.table: takes table and is given report"},
		"gone": {func(d flow.Document) {
			d.Nodes["clean"] = flow.Node{Op: "clean@1", In: map[string]string{"table": "nobody.table"}}
		}, `clean in.table: comes from "nobody.table", which is not in the flow`},
		"setting": {func(d flow.Document) {
			d.Nodes["source"] = flow.Node{Op: "table@1", Config: map[string]any{"table": "Raw!", "x": 1}}
		}, `source config.x: table@1 has no setting "x"`},
		"cycle": {func(d flow.Document) {
			d.Nodes["a"] = flow.Node{Op: "clean@1", In: map[string]string{"table": "b.table"}}
			d.Nodes["b"] = flow.Node{Op: "clean@1", In: map[string]string{"table": "a.table"}}
		}, "a in: these nodes wait for each other: a, b"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d, err := flow.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			c.change(d)
			_, errs := flow.Compile(d, ops)
			var got []string
			for _, e := range errs {
				got = append(got, e.Node+" "+e.Path+": "+e.Text)
			}
			if !slices.Contains(got, c.want) {
				t.Errorf("got %q, want %q among them", got, c.want)
			}
		})
	}
}

func TestRunSkipsWhatHasNotChanged(t *testing.T) {
	ctx := t.Context()
	store := open(t)
	runs, fail := map[string]int{}, false
	runner := &flow.Runner{Store: store, Ops: operators(runs, &fail)}
	d, err := flow.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	saved, err := store.Put(ctx, scope, "ada", d, flow.Layout{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := runner.Run(ctx, &fakeRun{args: flow.Args{Flow: "shop", Revision: saved.Revision}}); err != nil {
			t.Fatal(err)
		}
	}
	if runs["source"] != 1 || runs["clean"] != 1 {
		t.Errorf("the second run did work again: %v", runs)
	}
	if _, err := runner.Run(ctx, &fakeRun{args: flow.Args{Flow: "shop", Revision: saved.Revision, From: "clean"}}); err != nil || runs["clean"] != 2 || runs["source"] != 1 {
		t.Errorf("from clean: %v, %v", runs, err)
	}
	d.Nodes["source"] = flow.Node{Op: "table@1", Config: map[string]any{"table": "raw.other"}}
	saved, err = store.Put(ctx, scope, "ada", d, flow.Layout{}, saved.Revision)
	if err != nil {
		t.Fatal(err)
	}
	fail = true
	run := &fakeRun{args: flow.Args{Flow: "shop", Revision: saved.Revision}}
	_, err = runner.Run(ctx, run)
	if forge.KindOf(err) != forge.KindInvalid || runs["source"] != 2 || runs["clean"] != 3 {
		t.Errorf("a changed source must run what follows: %v, %v", runs, err)
	}
	if last := run.events[len(run.events)-1]; last.Node != "clean" || last.State != "failed" || last.Message != "column x is gone" {
		t.Errorf("last event %+v", last)
	}
}

func TestStoreRefusesLostUpdates(t *testing.T) { refusesLostUpdates(t, open(t)) }

func refusesLostUpdates(t *testing.T, store *flow.Store) {
	ctx := t.Context()
	d, err := flow.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.Put(ctx, scope, "ada", d, flow.Layout{Nodes: map[string]flow.Point{"clean": {X: 1, Y: 2}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Put(ctx, scope, "ada", d, flow.Layout{Nodes: map[string]flow.Point{"clean": {X: 9}}}, first.Revision)
	if err != nil || again.Revision != first.Revision || again.Layout.Nodes["clean"].X != 9 {
		t.Errorf("moving a box made a revision: %+v, %v", again, err)
	}
	d.Metadata.Title = "Shop"
	if _, err := store.Put(ctx, scope, "bob", d, flow.Layout{}, first.Revision); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, scope, "ada", d, flow.Layout{}, first.Revision); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("an update on an old revision: %v", err)
	}
	other := forge.Scope{Tenant: "main", Project: "other"}
	if _, err := store.Get(ctx, other, "shop"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project sees the flow: %v", err)
	}
	if err := store.Delete(ctx, other, "shop"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project deletes the flow: %v", err)
	}
	if list, err := store.List(ctx, scope); err != nil || len(list) != 1 || list[0].Flow.Metadata.Title != "Shop" {
		t.Errorf("list %+v, %v", list, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte(`{"apiVersion":"aiforge.dev/v1","kind":"Pipeline","metadata":{"name":"a"}}`))
	ops := operators(map[string]int{}, new(bool))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := flow.Parse(b)
		if err != nil {
			return
		}
		flow.Compile(d, ops)
		out, err := d.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flow.Parse(out); err != nil {
			t.Fatalf("its own output is refused: %v\n%s", err, out)
		}
	})
}

func open(t *testing.T) *flow.Store {
	t.Helper()
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, err := flow.NewStore(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// fakeRun is a job without a queue.
type fakeRun struct {
	args   flow.Args
	events []flow.NodeEvent
}

func (*fakeRun) ID() string             { return "job_1" }
func (*fakeRun) Scope() forge.Scope     { return scope }
func (*fakeRun) Attempt() int           { return 1 }
func (*fakeRun) Progress(jobs.Progress) {}
func (r *fakeRun) Emit(_ string, data any) {
	if e, ok := data.(flow.NodeEvent); ok {
		r.events = append(r.events, e)
	}
}
func (r *fakeRun) Args(into any) error {
	b, err := json.Marshal(r.args)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}
func (r *fakeRun) Step(ctx context.Context, _ string, _ any, f func(context.Context) (any, error)) error {
	_, err := f(ctx)
	return err
}
