package sink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/logkafka"
	"aiforge.dev/forge/ingest/sink"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

var (
	scope = forge.Scope{Tenant: "t1", Project: "p1"}
	calls = forge.TableName{Namespace: "raw", Name: "calls"}
)

// bench is a log, a lake and a store that outlive a sink.
type bench struct {
	t     testing.TB
	log   ingest.Log
	house *lake.House
	store *store.Store
	dir   string
	links []forge.Edge
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b, err := broker.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	log, err := logkafka.Open(t.Context(), b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	st, err := store.Open(t.Context(), laketest.DB(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, log: log, house: laketest.House(t), store: st, dir: t.TempDir()}
}

func (b *bench) Link(_ context.Context, _ forge.Scope, edges ...forge.Edge) error {
	b.links = append(b.links, edges...)
	return nil
}

func (b *bench) open(change func(*sink.Config)) *sink.Sink {
	b.t.Helper()
	cfg := sink.Config{
		Log: b.log, Tables: b.house.Tables, Engine: b.house.Engine, Store: b.store, Lineage: b,
		Dir: b.dir, Exclusive: true, MaxWait: time.Hour,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := sink.Open(b.t.Context(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (b *bench) append(recs ...ingest.Record) {
	b.t.Helper()
	if _, err := b.log.Append(b.t.Context(), ingest.TableTopic(scope, calls), recs...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(s *sink.Sink, c ingest.Contract) {
	b.t.Helper()
	if err := s.Want(b.t.Context(), scope, c); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) flush(s *sink.Sink) {
	b.t.Helper()
	if err := s.Flush(b.t.Context(), scope, calls); err != nil {
		b.t.Fatalf("flush: %v (%v)", err, errors.Unwrap(err))
	}
}

// query returns rows as text, cells joined by |.
func (b *bench) query(sql string) string {
	b.t.Helper()
	res, err := b.house.Query(b.t.Context(), scope, lake.Query{SQL: sql}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Close()
	var out []string
	for {
		rec, err := res.Next(b.t.Context())
		if err == io.EOF {
			return strings.Join(out, "\n")
		}
		if err != nil {
			b.t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, col := range rec.Columns() {
				cells = append(cells, col.ValueStr(i))
			}
			out = append(out, strings.Join(cells, "|"))
		}
	}
}

func (b *bench) check(sql, want string) {
	b.t.Helper()
	if have := b.query(sql); have != want {
		b.t.Errorf("%s\nhave %s\nwant %s", sql, have, want)
	}
}

func csvRecord(c ingest.Contract, source string, seq, line int64, rows int, value string) ingest.Record {
	return ingest.Record{Value: []byte(value), Headers: map[string]string{
		ingest.HeaderFormat: string(ingest.FormatCSV), ingest.HeaderTable: c.Table.String(), ingest.HeaderSource: "sha256:" + source,
		ingest.HeaderName: source + ".csv", ingest.HeaderSeq: strconv.FormatInt(seq, 10), ingest.HeaderSchema: c.Fingerprint(),
		ingest.HeaderLine: strconv.FormatInt(line, 10), ingest.HeaderRows: strconv.Itoa(rows),
	}}
}

var typed = ingest.Contract{
	Table: calls,
	Schema: lake.Schema{Columns: []lake.Column{
		{Name: "id", Type: lake.Long}, {Name: "Name of it", Type: lake.String}, {Name: "x", Type: lake.Double},
		{Name: "day", Type: lake.Date}, {Name: "at", Type: lake.Timestamp}, {Name: "ok", Type: lake.Boolean},
	}},
	Columns: []string{"id", "Name of it", "x", "day", "at", "ok"},
	Null:    []string{"none given"},
	Formats: map[string]string{"day": "%m-%d-%Y"},
}

func TestRowsAndRejects(t *testing.T) {
	b := newBench(t)
	s := b.open(nil)
	b.want(s, typed)
	if err := s.Flush(t.Context(), scope, calls); err != nil {
		t.Fatalf("flush of an empty topic: %v", err)
	}
	r := csvRecord(typed, "f", 1, 2, 8, strings.Join([]string{
		`1,"a ""b"", c",1.5,04-21-1991,2024-01-01 10:00,true`,
		`009,,NA,,2024-01-01T10:00:00+02:00,FALSE`,
		`3.7,x,1,04-21-1991,2024-01-01,true`,
		`4,"two
lines",1,06-31-1991,2024-01-01,true`,
		`5,none given,inf,04-21-1991,2024-01-01,true`,
		`none given,x,2,04-21-1991,none given,?`,
		`7,x,1,04-21-1991,yesterday,true`,
		`8,x,1,04-21-1991,2024-01-01,maybe`,
	}, "\n")+"\n")
	r.Headers[ingest.HeaderSkips] = "2:1,4:3"
	b.append(r)
	b.flush(s)
	b.check(`SELECT id, "Name of it", x, day, "at", ok FROM raw.calls ORDER BY id`,
		"1|a \"b\", c|1.5|1991-04-21|2024-01-01T10:00:00|true\n"+
			"9|(null)|(null)|(null)|2024-01-01T08:00:00|false\n"+
			"(null)|x|2|1991-04-21|(null)|(null)")
	b.check(`SELECT source, line, "column", value, reason FROM raw.calls__rejects ORDER BY line`, ""+
		"f.csv|5|id|3.7|not a whole number of type long\n"+
		"f.csv|6|day|06-31-1991|not a date of the form %m-%d-%Y\n"+
		"f.csv|11|x|inf|not a number of type double\n"+
		"f.csv|13|at|yesterday|not a timestamp of ISO 8601\n"+
		"f.csv|14|ok|maybe|neither true nor false")
	b.check(`SELECT text FROM raw.calls__rejects WHERE line = 6`, "4,\"two\nlines\",1,06-31-1991,2024-01-01,true")
	taken, err := s.Taken(t.Context(), scope, calls, "sha256:f")
	if err != nil || taken != (ingest.Taken{Seq: 1, Rows: 3, Rejected: 5}) {
		t.Errorf("taken %+v, %v", taken, err)
	}
	first, end, err := b.log.Bounds(t.Context(), ingest.TableTopic(scope, calls))
	if err != nil || end != 1 || first > 1 {
		t.Errorf("topic %d-%d, %v", first, end, err)
	}
	if len(b.links) != 1 || b.links[0].From.String() != "topic:forge.t1.p1.table.raw.calls@0-1" || !strings.HasPrefix(b.links[0].To.String(), "snapshot:raw.calls@") {
		t.Errorf("lineage %v", b.links)
	}
}

func TestNDJSON(t *testing.T) {
	b := newBench(t)
	s := b.open(nil)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{
		{Name: "id", Type: lake.Long}, {Name: "score", Type: lake.Double}, {Name: "at", Type: lake.Timestamptz}, {Name: "features", Type: lake.String}, {Name: `o'dd "name"`, Type: lake.String},
	}}}
	b.want(s, c)
	nd := func(v string) ingest.Record {
		return ingest.Record{Value: []byte(v), Headers: map[string]string{ingest.HeaderFormat: string(ingest.FormatNDJSON), ingest.HeaderName: "predictions"}}
	}
	b.append(
		nd(`{"id": 1, "score": 0.25, "at": "2026-01-01T00:00:00.123456Z", "features": {"a": [1, null]}, "o'dd \"name\"": "x"}`+"\n\n"+`{"id": 2, "extra": true}`),
		nd("not json\n{\"id\": 3}\n"),
		nd(`{"id": "four"}`),
		nd(`[1]`),
		nd(``),
	)
	b.flush(s)
	b.check(`SELECT id, score, "at", features, "o'dd ""name""" FROM raw.calls ORDER BY id`,
		"1|0.25|2026-01-01T00:00:00.123456Z|{\"a\":[1,null]}|x\n2|(null)|(null)|(null)|(null)\n3|(null)|(null)|(null)|(null)")
	b.check(`SELECT source, "column", value, text FROM raw.calls__rejects ORDER BY text`,
		"predictions|||[1]\npredictions|||not json\npredictions|id|four|{\"id\": \"four\"}")
}

// New columns are added, whatever the case of the others; a column keeps its type and
// what does not fit it is rejected; unknown contracts and formats are no rows.
func TestContractsChange(t *testing.T) {
	b := newBench(t)
	s := b.open(nil)
	one := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}, {Name: "v", Type: lake.Long}}}, Columns: []string{"id", "v"}}
	two := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "V", Type: lake.Double}, {Name: "more", Type: lake.String}, {Name: "ID", Type: lake.Long}}}, Columns: []string{"V", "skipped", "more", "ID"}}
	b.want(s, one)
	b.append(csvRecord(one, "a", 1, 2, 1, "1,10\n"))
	b.want(s, two)
	b.append(csvRecord(two, "b", 1, 2, 2, "20,z,m,2\n2.5,z,m,3\n"), csvRecord(one, "a", 2, 3, 1, "4,40\n"))
	stranger := csvRecord(one, "c", 1, 7, 3, "x\n")
	stranger.Headers[ingest.HeaderSchema] = "unheard-of"
	odd := csvRecord(one, "c", 2, 8, 1, "y\n")
	odd.Headers[ingest.HeaderFormat] = "avro"
	b.append(stranger, odd)
	b.flush(s)
	b.check(`SELECT id, v, more FROM raw.calls ORDER BY id`, "1|10|(null)\n2|20|m\n4|40|(null)")
	b.check(`SELECT source, line, value, text FROM raw.calls__rejects ORDER BY source, line`, "b.csv|3|2.5|2.5,z,m,3\nc.csv|7||x\n\nc.csv|8||y\n")
	if taken, err := s.Taken(t.Context(), scope, calls, "sha256:c"); err != nil || taken.Rejected != 4 {
		t.Errorf("taken %+v, %v", taken, err)
	}
}

// rejectsRecord is what a producer could not read itself.
func rejectsRecord(source string, seq int64, lines ...int64) ingest.Record {
	var v []byte
	for _, l := range lines {
		j, _ := json.Marshal(ingest.Reject{Source: source + ".csv", Line: l, Reason: "ragged", Text: "x", At: time.Unix(0, 0).UTC()})
		v = append(append(v, j...), '\n')
	}
	return ingest.Record{Value: v, Headers: map[string]string{
		ingest.HeaderFormat: string(ingest.FormatRejects), ingest.HeaderSource: "sha256:" + source, ingest.HeaderSeq: strconv.FormatInt(seq, 10),
	}}
}

// A crash at any point, with a producer that then sends everything again, leaves each
// row and each reject exactly once.
func TestExactlyOnce(t *testing.T) {
	points := []string{"read", "spooled", "rows written", "rejects written", "rejects committed", "committed", "trimmed"}
	for _, point := range points {
		for _, nth := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s %d", point, nth), func(t *testing.T) { exactlyOnce(t, point, nth) })
		}
	}
}

func exactlyOnce(t *testing.T, point string, nth int) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	send := func() {
		var recs []ingest.Record
		for i := range int64(6) {
			recs = append(recs, csvRecord(c, "f", 2*i+1, 10*i+2, 3, fmt.Sprintf("%d\nbad%d\n%d\n", 2*i, i, 2*i+1)))
			recs = append(recs, rejectsRecord("f", 2*i+2, 10*i+9))
		}
		b.append(recs...)
	}
	hits := 0
	crash := errors.New("crash")
	s := b.open(func(cfg *sink.Config) {
		cfg.BatchBytes = 40 // several commits
		cfg.Fault = func(p string) error {
			if p == point {
				if hits++; hits >= nth {
					return crash
				}
			}
			return nil
		}
	})
	b.want(s, c)
	send()
	if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, crash) {
		t.Fatalf("flush: %v", err)
	}
	_ = s.Close()
	// A larger batch after the restart, so that its borders are others.
	s = b.open(func(cfg *sink.Config) { cfg.BatchBytes = 100 })
	send()
	b.flush(s)
	b.check(`SELECT count(*), count(DISTINCT id), min(id), max(id) FROM raw.calls`, "12|12|0|11")
	b.check(`SELECT count(*), count(DISTINCT line), count(*) FILTER (reason = 'ragged') FROM raw.calls__rejects`, "12|12|6")
	taken, err := s.Taken(t.Context(), scope, calls, "sha256:f")
	if err != nil || taken != (ingest.Taken{Seq: 12, Rows: 12, Rejected: 12}) {
		t.Errorf("taken %+v, %v", taken, err)
	}
}

// Two sinks that both think they are alone write nothing twice.
func TestTwoSinks(t *testing.T) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	var sinks []*sink.Sink
	for range 2 {
		dir := t.TempDir()
		sinks = append(sinks, b.open(func(cfg *sink.Config) { cfg.BatchBytes, cfg.Dir = 20, dir }))
	}
	for _, s := range sinks {
		b.want(s, c)
	}
	for i := range int64(20) {
		b.append(csvRecord(c, "f", i+1, i+2, 2, fmt.Sprintf("%d\n%d\n", 2*i, 2*i+1)))
	}
	errs := make(chan error, 2)
	for _, s := range sinks {
		go func() { errs <- s.Flush(context.Background(), scope, calls) }()
	}
	for range sinks {
		if err := <-errs; err != nil && !errors.Is(err, forge.ErrConflict) {
			t.Error(err)
		}
	}
	b.flush(sinks[0])
	b.check(`SELECT count(*), count(DISTINCT id) FROM raw.calls`, "40|40")
}

// Only the holder of the lease commits; another sink waits for it.
func TestLease(t *testing.T) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	if _, ok, err := b.store.Acquire(t.Context(), scope, calls.String(), "other", 20*time.Second, false); !ok || err != nil {
		t.Fatal(ok, err)
	}
	s := b.open(func(cfg *sink.Config) { cfg.Exclusive, cfg.MaxWait = false, time.Millisecond })
	b.want(s, c)
	b.append(csvRecord(c, "f", 1, 2, 1, "1\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Flush(ctx, scope, calls); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush without the lease: %v", err)
	}
	b.check(`SELECT count(*) FROM raw.calls`, "0")
	if err := b.store.Release(t.Context(), scope, calls.String(), "other"); err != nil {
		t.Fatal(err)
	}
	b.flush(s)
	b.check(`SELECT count(*) FROM raw.calls`, "1")
}

// Without anyone waiting, the topic is looked at every MaxWait; after a restart the
// sink goes on by itself.
func TestGoesOnByItself(t *testing.T) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	s := b.open(nil)
	b.want(s, c)
	_ = s.Close()
	if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("flush of a closed sink: %v", err)
	}
	b.append(csvRecord(c, "f", 1, 2, 1, "1\n"))
	done := make(chan struct{}, 10)
	b.open(func(cfg *sink.Config) {
		cfg.MaxWait = 5 * time.Millisecond
		cfg.Fault = func(p string) error {
			if p == "trimmed" {
				done <- struct{}{}
			}
			return nil
		}
	})
	<-done
	b.check(`SELECT count(*) FROM raw.calls`, "1")
	b.append(csvRecord(c, "f", 2, 3, 1, "2\n"))
	<-done
	b.check(`SELECT count(*) FROM raw.calls`, "2")
}

// A log that was emptied or replaced behind the table's back is an alarm: its offsets
// mean other records.
func TestReplacedLog(t *testing.T) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	s := b.open(nil)
	b.want(s, c)
	b.append(csvRecord(c, "f", 1, 2, 1, "1\n"), csvRecord(c, "f", 2, 3, 1, "2\n"))
	b.flush(s)
	_ = s.Close()
	other, err := broker.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if b.log, err = logkafka.Open(t.Context(), other.Addr()); err != nil {
		t.Fatal(err)
	}
	s = b.open(nil)
	b.want(s, c)
	b.append(csvRecord(c, "g", 1, 2, 1, "3\n"))
	if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("flush: %v", err)
	}
	b.check(`SELECT count(*) FROM raw.calls`, "2")
}

// A table that is dropped and made anew starts empty: what the topic still holds was
// not meant for it.
func TestDropped(t *testing.T) {
	b := newBench(t)
	c := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "id", Type: lake.Long}}}, Columns: []string{"id"}}
	s := b.open(nil)
	b.want(s, c)
	b.append(csvRecord(c, "f", 1, 2, 1, "1\n"))
	b.flush(s)
	if err := b.house.Tables.Drop(t.Context(), scope, calls); err != nil {
		t.Fatal(err)
	}
	b.append(csvRecord(c, "f", 2, 3, 1, "2\n"))
	if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("flush to a dropped table: %v", err)
	}
	b.want(s, c)
	b.append(csvRecord(c, "f", 1, 2, 1, "3\n"))
	b.flush(s)
	b.check(`SELECT id FROM raw.calls`, "3")
}

// Many columns, missing texts among them, do not need more memory than a query has.
func TestWide(t *testing.T) {
	b := newBench(t)
	s := b.open(nil)
	c := ingest.Contract{Table: calls, Null: []string{"x", "y"}}
	var cells []string
	for i := range 150 {
		c.Columns = append(c.Columns, fmt.Sprintf("c_%d", i))
		c.Schema.Columns = append(c.Schema.Columns, lake.Column{Name: c.Columns[i], Type: lake.Long})
		cells = append(cells, []string{"1", "NA", "x"}[i%3])
	}
	b.want(s, c)
	row := strings.Join(cells, ",") + "\n"
	b.append(csvRecord(c, "f", 1, 2, 3, row+row+"bad"+row))
	b.flush(s)
	b.check(`SELECT count(*), sum(c_0), count(c_1), count(c_149) FROM raw.calls`, "2|2|0|0")
	b.check(`SELECT line, "column", value FROM raw.calls__rejects`, "4|c_0|bad1")
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	s := b.open(nil)
	for name, c := range map[string]ingest.Contract{
		"no columns": {Table: calls},
		"no table":   {Schema: typed.Schema},
		"long name":  {Table: forge.TableName{Namespace: "raw", Name: "a" + strings.Repeat("b", 60)}, Schema: typed.Schema},
	} {
		if err := s.Want(t.Context(), scope, c); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Want(t.Context(), forge.Scope{Tenant: "../x", Project: "p"}, typed); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("odd scope: %v", err)
	}
	if err := s.Flush(t.Context(), scope, calls); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("flush of an unknown table: %v", err)
	}
	if tables, err := b.house.Tables.List(t.Context(), scope); err != nil || len(tables) != 0 {
		t.Errorf("refused contracts left tables: %v, %v", tables, err)
	}
}
