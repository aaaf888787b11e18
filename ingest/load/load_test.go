package load_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/logkafka"
	"aiforge.dev/forge/ingest/sink"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

// breaking is a log that fails after some appends.
type breaking struct {
	ingest.Log
	left int
}

var errBroken = errors.New("broken")

func (b *breaking) Append(ctx context.Context, topic string, recs ...ingest.Record) (int64, error) {
	if b.left == 0 {
		return 0, errBroken
	}
	b.left--
	return b.Log.Append(ctx, topic, recs...)
}

// A load that broke off is finished with the settings that it began with, whatever is
// asked for then; each record is there once.
func TestBrokenOff(t *testing.T) {
	ctx := t.Context()
	scope := forge.Scope{Tenant: "t1", Project: "p1"}
	br, err := broker.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = br.Close() })
	inner, err := logkafka.Open(ctx, br.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	log := &breaking{Log: inner, left: 2}
	st, err := store.Open(ctx, laketest.DB(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	house := laketest.House(t)
	sk, err := sink.Open(ctx, sink.Config{Log: inner, Tables: house.Tables, Engine: house.Engine, Store: st, Dir: t.TempDir(), Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sk.Close() })
	loads, err := load.New(ctx, load.Config{Dir: t.TempDir(), Store: st, Log: log, Sink: sk, Tables: house.Tables})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	const rows = 400_000
	for i := range rows {
		b.WriteString(strconv.Itoa(i) + ",x\n")
	}
	u, err := loads.Create(ctx, scope, "f.csv", int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if u, err = loads.Write(ctx, scope, u.ID, 0, strings.NewReader(b.String())); err != nil || u.Offset != u.Size {
		t.Fatalf("%+v, %v", u, err)
	}
	header, noHeader := true, false
	args := load.Args{Upload: u.ID, Table: laketest.Name("raw.f"), HasHeader: &noHeader}
	if _, err := loads.HandleCSV(ctx, jobstest.NewRun(t, scope, args)); !errors.Is(err, errBroken) {
		t.Fatalf("first attempt: %v", err)
	}
	log.left = -1
	args.HasHeader = &header
	run := jobstest.NewRun(t, scope, args)
	got, err := loads.HandleCSV(ctx, run)
	if err != nil {
		t.Fatal(err)
	}
	l, ok := got.(ingest.Load)
	if !ok || l.Rows != rows || l.Rejected != 0 || l.Already {
		t.Errorf("%+v", got)
	}
	table, err := house.Tables.Load(ctx, scope, laketest.Name("raw.f"))
	if err != nil || table.Rows != rows || len(table.Schema.Columns) != 2 || table.Schema.Columns[0].Name != "column_1" {
		t.Errorf("%d rows, %+v, %v", table.Rows, table.Schema, err)
	}
	warned := false
	for _, e := range run.Events() {
		warned = warned || e.Type == "warning" && strings.Contains(string(e.Data), "interrupted")
	}
	if !warned {
		t.Error("nobody was told about the settings")
	}
	if _, err := loads.State(ctx, scope, u.ID); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("the upload is still there: %v", err)
	}
}
