package sink_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/sink"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

var ids = ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}

// A committer that sleeps at any point until its lease was taken by another, which then
// does all the work, wakes up and changes nothing.
func TestZombie(t *testing.T) {
	for _, point := range []string{"read", "spooled", "rows written", "rejects written", "rejects committed", "committed", "trimmed"} {
		t.Run(point, func(t *testing.T) { zombie(t, point) })
	}
}

func zombie(t *testing.T, point string) {
	b := newBench(t)
	var late atomic.Int64
	var err error
	if b.store, err = store.Open(t.Context(), laketest.DB(t), func() time.Time { return time.Now().Add(time.Duration(late.Load())) }); err != nil {
		t.Fatal(err)
	}
	asleep, wake := make(chan struct{}), make(chan struct{})
	slept := false
	old := b.open(func(cfg *sink.Config) {
		cfg.Exclusive, cfg.BatchBytes, cfg.Dir = false, 40, t.TempDir()
		cfg.Fault = func(p string) error {
			if p == point && !slept {
				slept = true
				close(asleep)
				<-wake
			}
			return nil
		}
	})
	b.want(old, ids)
	for i := range int64(6) {
		b.append(csvRecord(ids, "f", i+1, 10*i+2, 3, fmt.Sprintf("%d\nbad%d\n%d\n", 2*i, i, 2*i+1)))
	}
	woken := make(chan error, 1)
	go func() { woken <- old.Flush(context.Background(), scope, calls) }()
	<-asleep
	late.Store(int64(time.Minute)) // its lease is over
	next := b.open(func(cfg *sink.Config) { cfg.Exclusive, cfg.BatchBytes, cfg.Dir = false, 100, t.TempDir() })
	b.want(next, ids)
	b.flush(next)
	exact := func() {
		t.Helper()
		b.check(`SELECT count(*), count(DISTINCT id), min(id), max(id) FROM raw.calls`, "12|12|0|11")
		b.check(`SELECT count(*), count(DISTINCT line) FROM raw.calls__rejects`, "6|6")
	}
	exact()
	close(wake)
	if err := <-woken; err != nil && !errors.Is(err, forge.ErrConflict) {
		t.Errorf("the sleeper wakes up with %v", err)
	}
	exact()
	// Both go on, one of them at a time.
	b.append(csvRecord(ids, "f", 7, 70, 1, "12\n"))
	b.flush(next)
	b.check(`SELECT count(*), count(DISTINCT id) FROM raw.calls`, "13|13")
}

// untrimmed is a log that keeps what is committed.
type untrimmed struct{ ingest.Log }

func (untrimmed) Trim(context.Context, string, int64) error { return nil }

// A table's offset that was set back brings the same records again, and no row.
func TestOffsetsRewound(t *testing.T) {
	b := newBench(t)
	b.log = untrimmed{b.log}
	s := b.open(nil)
	b.want(s, ids)
	for i := range int64(5) {
		b.append(csvRecord(ids, "f", i+1, i+2, 1, fmt.Sprintf("%d\n", i)))
	}
	b.flush(s)
	_ = s.Close()
	load := func() string {
		tab, err := b.house.Tables.Load(t.Context(), scope, calls)
		if err != nil {
			t.Fatal(err)
		}
		return tab.Properties["forge.offsets"]
	}
	state := load()
	var next int64
	if _, err := fmt.Sscanf(state[len(`{"topic":"forge.t1.p1.table.raw.calls",`):], `"next":%d`, &next); err != nil || next != 5 {
		t.Fatalf("%s: %d, %v", state, next, err)
	}
	back := `{"topic":"forge.t1.p1.table.raw.calls","next":1` + state[len(`{"topic":"forge.t1.p1.table.raw.calls","next":5`):]
	if _, err := b.house.Tables.Commit(t.Context(), scope, calls, lake.Change{Properties: map[string]string{"forge.offsets": back}}); err != nil {
		t.Fatal(err)
	}
	s = b.open(nil)
	b.append(csvRecord(ids, "f", 6, 7, 1, "5\n"))
	b.flush(s)
	b.check(`SELECT count(*), count(DISTINCT id) FROM raw.calls`, "6|6")
}

// obstinate refuses rows as a table that another program has partitioned does.
type obstinate struct {
	lake.Tables
	refuses atomic.Bool
	asked   atomic.Int64
}

func (o *obstinate) Commit(ctx context.Context, scope forge.Scope, name forge.TableName, ch lake.Change) (lake.Snapshot, error) {
	if len(ch.Add) > 0 {
		o.asked.Add(1)
		if o.refuses.Load() {
			return lake.Snapshot{}, forge.Errorf(forge.KindInvalid, nil, "table %s was partitioned by another program", name)
		}
	}
	return o.Tables.Commit(ctx, scope, name, ch)
}

// Rows that a table cannot take are offered once, and again when the table is another.
func TestObstacle(t *testing.T) {
	b := newBench(t)
	o := &obstinate{Tables: b.house.Tables}
	o.refuses.Store(true)
	s := b.open(func(cfg *sink.Config) { cfg.Tables, cfg.MaxWait = o, time.Millisecond })
	b.want(s, ids)
	b.append(csvRecord(ids, "f", 1, 2, 1, "1\n"))
	for range 3 {
		if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, forge.ErrInvalid) {
			t.Fatalf("flush: %v", err)
		}
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the rows were offered %d times", n)
	}
	tab, err := b.house.Tables.Load(t.Context(), scope, calls)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(tab.Location, "data", "*.parquet")); err != nil || len(left) != 0 {
		t.Errorf("files of rows that were refused: %v", left)
	}
	o.refuses.Store(false)
	if _, err := b.house.Tables.Commit(t.Context(), scope, calls, lake.Change{Properties: map[string]string{"cured": "yes"}}); err != nil {
		t.Fatal(err)
	}
	b.flush(s)
	b.check(`SELECT count(*) FROM raw.calls`, "1")
}
