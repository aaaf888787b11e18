package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
)

// Kind is the kind of the job that HandleCSV does.
const Kind = "ingest.csv"

// Args are the arguments of the job.
type Args struct {
	Upload    string               `json:"upload"`
	Table     forge.TableName      `json:"table"`
	Types     map[string]lake.Type `json:"types,omitempty"`
	Null      []string             `json:"null,omitempty"`
	HasHeader *bool                `json:"has_header,omitempty"`
}

// plan is how a file is read into a table.
type plan struct {
	Dialect  csv.Dialect     `json:"dialect"`
	Columns  int             `json:"columns"`
	Contract ingest.Contract `json:"contract"`
}

// sent is what the log has of a file.
type sent struct {
	First, End int64
	Stats      csv.Stats
}

// Check refuses arguments that cannot work before a job is made of them.
func (l *Loads) Check(ctx context.Context, scope forge.Scope, a Args) (Upload, error) {
	if _, err := forge.ParseTableName(ingest.RejectsTable(a.Table).String()); err != nil {
		return Upload{}, forge.Errorf(forge.KindInvalid, err, "table name %q: want NAMESPACE.NAME in lower case letters, digits and _, up to 54 of them in NAME, for example raw.calls", a.Table)
	}
	if err := lake.CheckNewTable(a.Table); err != nil {
		return Upload{}, err
	}
	for _, name := range sortedKeys(a.Types) {
		if _, err := a.Types[name].Arrow(); err != nil {
			return Upload{}, forge.Errorf(forge.KindInvalid, err, "type %q of column %q: want boolean, int, long, float, double, decimal(p,s), date, time, timestamp, timestamptz or string", a.Types[name], name)
		}
	}
	s, err := l.Sniff(ctx, scope, a.Upload, a.options())
	if err != nil {
		return Upload{}, err
	}
	if err := schemaOf(s).Check(); err != nil {
		return Upload{}, err
	}
	return l.find(ctx, scope, a.Upload)
}

func sortedKeys(m map[string]lake.Type) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (a Args) options() csv.Options {
	return csv.Options{Header: a.HasHeader, Types: a.Types, Null: a.Null}
}

// HandleCSV is the job: it sends the upload's records to the table's topic, waits
// until they are committed, and checks that every record of the file is a row or a
// reject. Run again after a crash it sends again what the sink then drops.
func (l *Loads) HandleCSV(ctx context.Context, run jobs.Run) (any, error) {
	var a Args
	if err := run.Args(&a); err != nil {
		return nil, err
	}
	scope := run.Scope()
	u, f, err := l.complete(ctx, scope, a.Upload)
	if err != nil {
		return l.finished(ctx, run, err)
	}
	defer f.Close()
	var sum string
	err = run.Step(ctx, "digest", &sum, func(ctx context.Context) (any, error) { return digest(ctx, run, u, f) })
	if err != nil {
		return nil, err
	}
	// Two loads of one file into one table would disagree about who is first.
	lock := l.lock(scope, a.Table.String()+"@"+sum)
	lock.Lock()
	defer lock.Unlock()
	if load, err := l.already(ctx, run, a.Table, sum); err != nil || load != nil {
		if err == nil {
			err = l.Delete(ctx, scope, u.ID)
		}
		return load, err
	}
	p, err := l.plan(ctx, run, a, u, f, sum)
	if err != nil {
		return nil, err
	}
	if err := l.cfg.Fault.At("planned"); err != nil {
		return nil, err
	}
	if err := l.cfg.Sink.Want(ctx, scope, p.Contract); err != nil {
		return nil, err
	}
	var got sent
	err = run.Step(ctx, "send", &got, func(ctx context.Context) (any, error) { return l.send(ctx, run, u, f, p, sum) })
	if err != nil {
		return nil, err
	}
	if err := l.cfg.Fault.At("sent"); err != nil {
		return nil, err
	}
	var load ingest.Load
	err = run.Step(ctx, "commit", &load, func(ctx context.Context) (any, error) { return l.commit(ctx, run, a, u, sum, got) })
	if err != nil {
		return nil, err
	}
	if err := l.cfg.Fault.At("done"); err != nil {
		return nil, err
	}
	return load, l.Delete(ctx, scope, u.ID)
}

// finished is the end of an attempt that finds its upload gone: an earlier attempt
// got to the end and could not say so.
func (l *Loads) finished(ctx context.Context, run jobs.Run, cause error) (any, error) {
	if !errors.Is(cause, forge.ErrNotFound) {
		return nil, cause
	}
	var load ingest.Load
	err := run.Step(ctx, "commit", &load, func(context.Context) (any, error) { return nil, cause })
	return load, err
}

func digest(ctx context.Context, run jobs.Run, u Upload, f *os.File) (string, error) {
	h := sha256.New()
	r := &counted{r: f, ctx: ctx, tell: func(n int64) {
		run.Progress(jobs.Progress{Step: "digest", Done: n, Total: u.Size, Unit: "bytes"})
	}}
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, r, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// already returns the load that brought this file before. A load from before the
// table was dropped and made anew does not count.
func (l *Loads) already(ctx context.Context, run jobs.Run, table forge.TableName, sum string) (*ingest.Load, error) {
	scope := run.Scope()
	t, err := l.cfg.Tables.Load(ctx, scope, table)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		t.Created = l.cfg.Now()
	case err != nil:
		return nil, err
	}
	if err := l.cfg.Store.DropLoads(ctx, scope, table, t.Created); err != nil {
		return nil, err
	}
	load, err := l.cfg.Store.Loaded(ctx, scope, table, sum)
	if load != nil {
		load.Already = load.ID != loadID(run) // else an earlier attempt of this job stored it
	}
	return load, err
}

func loadID(run jobs.Run) string { return "load_" + strings.TrimPrefix(run.ID(), "job_") }

// plan decides how the file is read, or takes the plan of a load of the same file
// that was interrupted.
func (l *Loads) plan(ctx context.Context, run jobs.Run, a Args, u Upload, f *os.File, sum string) (plan, error) {
	s, err := csv.Sniff(f, u.Size, a.options())
	if err != nil {
		return plan{}, named(err, u.Name)
	}
	p := plan{Dialect: s.Dialect, Columns: len(s.Columns), Contract: contractOf(a, s)}
	text, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	scope := run.Scope()
	// What an interrupted load left in the log is part of what has arrived.
	if err := l.cfg.Sink.Flush(ctx, scope, a.Table); err != nil && !errors.Is(err, forge.ErrNotFound) {
		return p, err
	}
	taken, err := l.cfg.Sink.Taken(ctx, scope, a.Table, source(sum))
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return p, err
	}
	if taken.Seq == 0 && run.Attempt() == 1 { // nothing of it has arrived
		if err := l.cfg.Store.DropPlan(ctx, scope, a.Table, sum); err != nil {
			return p, err
		}
	}
	first, err := l.cfg.Store.Plan(ctx, scope, a.Table, sum, string(text))
	if err != nil {
		return p, err
	}
	if first != string(text) {
		run.Emit("warning", map[string]string{"text": "an interrupted load of the same file is finished with the settings that it began with"})
		if err := json.Unmarshal([]byte(first), &p); err != nil {
			return p, err
		}
		return p, nil
	}
	for _, w := range s.Warnings {
		run.Emit("warning", map[string]string{"text": w})
	}
	return p, nil
}

func schemaOf(s *csv.Sniffed) lake.Schema {
	var out lake.Schema
	for _, c := range s.Columns {
		out.Columns = append(out.Columns, lake.Column{Name: c.Name, Type: c.Type})
	}
	return out
}

func contractOf(a Args, s *csv.Sniffed) ingest.Contract {
	c := ingest.Contract{Table: a.Table, Schema: schemaOf(s), Null: a.Null, Formats: map[string]string{}}
	for _, col := range s.Columns {
		c.Columns = append(c.Columns, col.Name)
		if col.Format != "" {
			c.Formats[col.Name] = col.Format
		}
	}
	return c
}

func source(sum string) string { return "sha256:" + sum }

// commit waits until the sink has everything, checks the sum and records the load.
func (l *Loads) commit(ctx context.Context, run jobs.Run, a Args, u Upload, sum string, got sent) (ingest.Load, error) {
	scope := run.Scope()
	stop := l.watch(ctx, run, a.Table, sum, got.Stats.Records)
	err := l.cfg.Sink.Flush(ctx, scope, a.Table)
	stop()
	if err != nil {
		return ingest.Load{}, err
	}
	taken, err := l.cfg.Sink.Taken(ctx, scope, a.Table, source(sum))
	if err != nil {
		return ingest.Load{}, err
	}
	if taken.Rows+taken.Rejected != got.Stats.Records {
		return ingest.Load{}, forge.Errorf(forge.KindInternal, fmt.Errorf("%+v of %+v", taken, got), "%s has %d records, but %d rows and %d rejects arrived in %s", u.Name, got.Stats.Records, taken.Rows, taken.Rejected, a.Table)
	}
	t, err := l.cfg.Tables.Load(ctx, scope, a.Table)
	if err != nil {
		return ingest.Load{}, err
	}
	load := ingest.Load{
		ID: loadID(run), Table: a.Table, File: u.Name, SHA256: sum, Bytes: u.Size,
		Rows: taken.Rows, Rejected: taken.Rejected, Offsets: [2]int64{got.First, got.End}, At: l.cfg.Now().UTC().Truncate(time.Microsecond),
	}
	if t.Snapshot != nil {
		load.Snapshot = t.Snapshot.ID
	}
	if err := l.cfg.Fault.At("committed"); err != nil {
		return load, err
	}
	if load, err = l.cfg.Store.AddLoad(ctx, scope, load); err != nil {
		return load, err
	}
	if err := l.cfg.Fault.At("recorded"); err != nil {
		return load, err
	}
	load.Already = load.ID != loadID(run) // another process loaded the same file meanwhile
	if err := l.link(ctx, scope, load); err != nil {
		return load, err
	}
	return load, l.cfg.Store.DropPlan(ctx, scope, a.Table, sum)
}

// link writes the lineage of a load: file → topic offsets → snapshot.
func (l *Loads) link(ctx context.Context, scope forge.Scope, load ingest.Load) error {
	if l.cfg.Lineage == nil {
		return nil
	}
	file := forge.Ref{Kind: "file", ID: load.SHA256}
	topic := forge.Ref{Kind: "topic", ID: fmt.Sprintf("%s@%d-%d", ingest.TableTopic(scope, load.Table), load.Offsets[0], load.Offsets[1])}
	edges := []forge.Edge{{From: file, To: topic, By: Kind, At: load.At, Name: load.File}}
	if load.Snapshot != 0 {
		snap := forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", load.Table, load.Snapshot)}
		edges = append(edges, forge.Edge{From: topic, To: snap, By: Kind, At: load.At})
	}
	return l.cfg.Lineage.Link(ctx, scope, edges...)
}
