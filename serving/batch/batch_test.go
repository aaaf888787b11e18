package batch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/serving/servingtest"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// lake holds one input of n rows and what has been written, in memory.
type lake struct {
	n        int
	size     int // rows of a record
	pins     int
	unpins   int
	reads    int
	failAt   int // the file whose Write fails; 0: none
	writers  int
	aborted  int
	staged   map[string][]row
	table    []row
	columns  []batch.Column
	commits  map[string]int64
	foreign  bool
	lastSum  map[string]string
	released bool
}

type row map[string]any

var inColumns = []batch.Column{{Name: "call_id", Type: "long"}, {Name: "age", Type: "int"}, {Name: "job", Type: "string"}, {Name: "called", Type: "timestamptz"}}

var inSchema = arrow.NewSchema([]arrow.Field{
	{Name: "call_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "age", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "job", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "called", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
}, nil)

// input is row i of the input.
func input(i int) (age, job any) {
	if i%5 > 0 {
		age = float64(i % 83)
	}
	if i%7 > 0 {
		job = servingtest.Jobs[i%3]
	}
	return age, job
}

func (l *lake) Pin(_ context.Context, _ forge.Scope, in, key string) (batch.Pin, error) {
	if in != "raw.calls" {
		return batch.Pin{}, forge.Errorf(forge.KindNotFound, nil, "table %s does not exist", in)
	}
	l.pins++
	return batch.Pin{Handle: json.RawMessage(`{"at":7}`), Rows: int64(l.n), Columns: inColumns, Refs: []forge.Ref{{Kind: "snapshot", ID: "raw.calls@7"}}}, nil
}

func (l *lake) Unpin(context.Context, forge.Scope, batch.Pin) error { l.unpins++; return nil }

type reader struct {
	l  *lake
	at int
}

func (l *lake) Read(_ context.Context, _ forge.Scope, pin batch.Pin) (batch.Reader, error) {
	if string(pin.Handle) != `{"at":7}` {
		return nil, fmt.Errorf("handle %s", pin.Handle)
	}
	l.reads++
	return &reader{l: l}, nil
}

func (r *reader) Close() error { r.l.released = true; return nil }

func (r *reader) Next(context.Context) (arrow.RecordBatch, error) {
	if r.at == r.l.n {
		return nil, io.EOF
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, inSchema)
	defer b.Release()
	for end := min(r.at+r.l.size, r.l.n); r.at < end; r.at++ {
		age, job := input(r.at)
		b.Field(0).(*array.Int64Builder).Append(int64(r.at))
		if age == nil {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.Int32Builder).Append(int32(age.(float64)))
		}
		if job == nil {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.StringBuilder).Append(job.(string))
		}
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(int64(r.at) * 1e6))
	}
	return b.NewRecordBatch(), nil
}

func (l *lake) Prepare(_ context.Context, _ forge.Scope, out forge.TableName, columns []batch.Column) error {
	if l.foreign {
		return forge.Errorf(forge.KindConflict, nil, "table %s is not one of batch scoring", out)
	}
	l.columns = columns
	return nil
}

type writer struct {
	l    *lake
	n    int
	rows []row
}

func (l *lake) Writer(context.Context, forge.Scope, forge.TableName) (batch.Writer, error) {
	l.writers++
	return &writer{l: l, n: l.writers}, nil
}

func (w *writer) Write(rec arrow.RecordBatch) error {
	if w.n == w.l.failAt {
		return forge.Errorf(forge.KindUnavailable, nil, "the machine is going down")
	}
	names := map[string]bool{}
	for _, c := range w.l.columns {
		names[c.Name] = true
	}
	for i := range int(rec.NumRows()) {
		r := row{}
		for c, f := range rec.Schema().Fields() {
			if !names[f.Name] {
				return fmt.Errorf("column %s was not announced", f.Name)
			}
			r[f.Name] = rec.Column(c).GetOneForMarshal(i)
		}
		if len(r) != len(names) {
			return fmt.Errorf("%d columns, want %d", len(r), len(names))
		}
		w.rows = append(w.rows, r)
	}
	return nil
}

func (w *writer) Close() (batch.File, error) {
	path := fmt.Sprintf("file-%d", w.n)
	w.l.staged[path] = w.rows
	return batch.File{Path: path, Rows: int64(len(w.rows)), Size: 1}, nil
}

func (w *writer) Abort() { w.l.aborted++ }

func (l *lake) Commit(_ context.Context, _ forge.Scope, _ forge.TableName, files []batch.File, key string, summary map[string]string) (int64, error) {
	if s, ok := l.commits[key]; ok {
		return s, nil
	}
	l.table = nil
	for _, f := range files {
		l.table = append(l.table, l.staged[f.Path]...)
	}
	l.commits[key], l.lastSum = 99, summary
	return 99, nil
}

type edges struct {
	mu  sync.Mutex
	all []string
}

func (e *edges) Link(_ context.Context, _ forge.Scope, es ...forge.Edge) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range es {
		e.all = append(e.all, x.From.String()+">"+x.To.String())
	}
	return nil
}

type world struct {
	lake   *lake
	models *servingtest.Models
	log    *servingtest.Observations
	edges  *edges
	cfg    batch.Config
}

func open(t *testing.T, n, record int, chunk int64) world {
	t.Helper()
	w := world{
		lake:   &lake{n: n, size: record, staged: map[string][]row{}, commits: map[string]int64{}},
		models: servingtest.NewModels(t), log: &servingtest.Observations{}, edges: &edges{},
	}
	w.models.Alias("champion", 2)
	w.cfg = batch.Config{
		Predictors: servingtest.NewRouter(t, w.models, w.models), Lake: w.lake, Observer: w.log, Lineage: w.edges, Chunk: chunk,
		Now: func() time.Time { return time.Unix(1e9, 0) },
	}
	return w
}

func args() batch.Args {
	return batch.Args{Ref: "models:/calls@champion", In: "raw.calls", Out: "scored.calls"}
}

func (w world) run(t *testing.T, run *jobstest.Run) (batch.Result, error) {
	t.Helper()
	out, err := batch.Handler(w.cfg)(t.Context(), run)
	if err != nil {
		return batch.Result{}, err
	}
	return out.(batch.Result), nil
}

// whole checks that the table has every row once, with the answer of version 2.
func (w world) whole(t *testing.T) {
	t.Helper()
	if len(w.lake.table) != w.lake.n {
		t.Fatalf("%d rows, want %d", len(w.lake.table), w.lake.n)
	}
	for i, r := range w.lake.table {
		age, job := input(i)
		want := serving.Score(servingtest.BinaryScore(age, job, servingtest.Shift(2)))
		label := map[bool]string{true: "yes", false: "no"}[want > 0.5]
		if r["call_id"] != int64(i) || r["score"] != want || r["score_yes"] != want || r["prediction"] != label || r["model"] != "calls" || r["model_version"] != int32(2) {
			t.Fatalf("row %d: %v, want %s %v", i, r, label, want)
		}
	}
}

func TestScores(t *testing.T) {
	for _, c := range []struct {
		n, record int
		chunk     int64
	}{{0, 10, 10}, {1, 10, 10}, {10, 10, 10}, {25, 10, 7}, {5000, 3000, 2048}} {
		w := open(t, c.n, c.record, c.chunk)
		got, err := w.run(t, jobstest.NewRun(t, servingtest.Scope, args()))
		if err != nil {
			t.Fatal(err)
		}
		if want := (batch.Result{Table: "scored.calls", Rows: int64(c.n), Model: "calls", Version: 2, Snapshot: 99}); got != want {
			t.Errorf("got %+v", got)
		}
		w.whole(t)
		if w.lake.unpins != 1 || c.n > 0 && !w.lake.released {
			t.Errorf("%d times unpinned", w.lake.unpins)
		}
		if len(w.log.All()) != 0 {
			t.Error("rows were logged though nobody asked")
		}
	}
}

// A job that is killed in its third file goes on from there: same model although the
// alias has moved, same rows, none twice.
func TestResumes(t *testing.T) {
	w := open(t, 1000, 64, 150)
	w.lake.failAt = 3
	run := jobstest.NewRun(t, servingtest.Scope, args())
	if _, err := w.run(t, run); forge.KindOf(err) != forge.KindUnavailable {
		t.Fatalf("got %v", err)
	}
	if w.lake.table != nil || w.lake.aborted != 1 || w.lake.unpins != 0 {
		t.Errorf("after the failure: %d rows, %d aborted, %d unpinned", len(w.lake.table), w.lake.aborted, w.lake.unpins)
	}
	w.models.Alias("champion", 3)
	if _, err := w.run(t, run); err != nil {
		t.Fatal(err)
	}
	w.whole(t)
	if w.lake.pins != 1 || w.lake.writers != 2+1+5 {
		t.Errorf("%d pins, %d files written; the first two must not be written again", w.lake.pins, w.lake.writers)
	}
	if got := strings.Join(w.edges.all, " "); got != "model:calls/2>snapshot:scored.calls@99 snapshot:raw.calls@7>snapshot:scored.calls@99" {
		t.Errorf("lineage %s", got)
	}
	if w.lake.lastSum["forge.model"] != "calls/2" {
		t.Errorf("summary %v", w.lake.lastSum)
	}
	shown := run.Shown()
	if last := shown[len(shown)-1]; last.Done != 1000 || last.Total != 1000 || last.Unit != "rows" {
		t.Errorf("progress %+v", last)
	}
	// Once more, as after a crash between the commit and its record: nothing changes.
	if _, err := w.run(t, run); err != nil {
		t.Fatal(err)
	}
	w.whole(t)
	if w.lake.writers != 8 {
		t.Error("a finished job wrote again")
	}
}

func TestKeep(t *testing.T) {
	w := open(t, 3, 10, 10)
	a := args()
	a.Keep = []string{"job", "call_id"}
	if _, err := w.run(t, jobstest.NewRun(t, servingtest.Scope, a)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range w.lake.columns {
		names = append(names, c.Name+" "+c.Type)
	}
	if got := strings.Join(names, ", "); got != "job string, call_id long, prediction string, score double, score_no double, score_yes double, model string, model_version int, scored_at timestamptz" {
		t.Errorf("columns %s", got)
	}
	if r := w.lake.table[2]; len(r) != 9 || r["scored_at"] == nil {
		t.Errorf("row %v", r)
	}
}

func TestLogs(t *testing.T) {
	w := open(t, 20, 8, 10)
	a := args()
	a.Log, a.ID, a.EventTime = "calls", "call_id", "called"
	if _, err := w.run(t, jobstest.NewRun(t, servingtest.Scope, a)); err != nil {
		t.Fatal(err)
	}
	all := w.log.All()
	if len(all) != 20 {
		t.Fatalf("%d rows", len(all))
	}
	for i, o := range all {
		if o.ID != fmt.Sprintf("job_test_%d", i) || o.Entity != fmt.Sprint(i) || !o.EventTime.Equal(time.Unix(int64(i), 0)) || o.Source != "batch" || o.Deployment != "calls" || o.Version != 2 || len(o.FeaturesJSON) == 0 {
			t.Fatalf("row %d: %+v", i, o)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*batch.Args, *world)
		kind   forge.Kind
		want   string
	}{
		"no such model":        {func(a *batch.Args, _ *world) { a.Ref = "calls@nobody" }, forge.KindNotFound, "nobody"},
		"no such table":        {func(a *batch.Args, _ *world) { a.In = "raw.cals" }, forge.KindNotFound, "raw.cals"},
		"bad out":              {func(a *batch.Args, _ *world) { a.Out = "scored" }, forge.KindInvalid, "NAMESPACE.NAME"},
		"onto itself":          {func(a *batch.Args, _ *world) { a.Out = "raw.calls" }, forge.KindInvalid, "another table"},
		"no ref":               {func(a *batch.Args, _ *world) { a.Ref = "" }, forge.KindInvalid, "ref"},
		"keep":                 {func(a *batch.Args, _ *world) { a.Keep = []string{"jbo"} }, forge.KindInvalid, `no column "jbo"`},
		"id":                   {func(a *batch.Args, _ *world) { a.ID = "nr" }, forge.KindInvalid, `no column "nr"`},
		"someone else's table": {func(_ *batch.Args, w *world) { w.lake.foreign = true }, forge.KindConflict, "not one of batch scoring"},
	} {
		w := open(t, 3, 10, 10)
		a := args()
		c.change(&a, &w)
		_, err := w.run(t, jobstest.NewRun(t, servingtest.Scope, a))
		if forge.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%s)", name, err, forge.KindOf(err))
		}
		if w.lake.writers != 0 || len(w.lake.commits) != 0 || w.lake.pins != w.lake.unpins {
			t.Errorf("%s: something was left: %d files, %d pins, %d unpins", name, w.lake.writers, w.lake.pins, w.lake.unpins)
		}
	}
}

func TestRowsThatTheModelCannotTake(t *testing.T) {
	old := inColumns
	t.Cleanup(func() { inColumns = old })
	inColumns = inColumns[2:]
	w := open(t, 3, 10, 10)
	_, err := w.run(t, jobstest.NewRun(t, servingtest.Scope, args()))
	if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), "calls version 2 takes: age") {
		t.Errorf("got %v", err)
	}
	inColumns = append(append([]batch.Column(nil), old...), batch.Column{Name: "score", Type: "double"})
	_, err = w.run(t, jobstest.NewRun(t, servingtest.Scope, args()))
	if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), `column "score" is both`) {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	w := open(t, 3, 10, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := batch.Handler(w.cfg)(ctx, jobstest.NewRun(t, servingtest.Scope, args())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(w.lake.commits) != 0 || w.lake.unpins != 0 {
		t.Error("a cancelled job committed, or gave up what a later attempt needs")
	}
}
