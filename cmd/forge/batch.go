package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/serving/batch"
)

// batchLake is the lake as batch scoring sees it.
type batchLake struct {
	house *lake.House
	views lake.Views
}

// pinned is what a pin's handle holds: a table at a snapshot. Stored says that the
// table was made to hold the rows of a SELECT.
type pinned struct {
	Table    forge.TableName `json:"table"`
	Snapshot int64           `json:"snapshot,string"`
	Stored   bool            `json:"stored,omitempty"`
}

// Properties that batch scoring leaves on its tables and snapshots.
const (
	pinNamespace  = "batch_pins"
	madeBy        = "forge.made-by"
	batchScoring  = "batch-score"
	batchSnapshot = "forge.batch"
)

// Find implements batch.Rows. What a SELECT reads is found by asking it for no rows.
func (l batchLake) Find(ctx context.Context, scope forge.Scope, in string) error {
	name, sql := source(in)
	if sql == "" {
		_, err := l.house.Tables.Load(ctx, scope, name)
		return err
	}
	text := "SELECT * FROM (\n" + strings.TrimRight(strings.TrimSpace(sql), ";") + "\n) LIMIT 0"
	res, err := l.ask(ctx, scope, lake.Query{SQL: text, Limits: lake.Limits{Time: time.Minute}})
	if err != nil {
		return err
	}
	_, err = res.Next(ctx)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, res.Close())
}

// source is the table or else the SELECT that in names; a feature view is a SELECT.
func source(in string) (forge.TableName, string) {
	name, err := forge.ParseTableName(in)
	switch {
	case err != nil:
		return forge.TableName{}, in
	case name.Namespace == lake.ViewSchema:
		return forge.TableName{}, "FROM " + in
	}
	return name, ""
}

// ask runs a user's SELECT over tables and feature views.
func (l batchLake) ask(ctx context.Context, scope forge.Scope, q lake.Query) (lake.Result, error) {
	views, err := lake.ViewsIn(ctx, scope, l.views, q.SQL)
	if err != nil {
		return nil, err
	}
	q.Views = views
	return l.house.QueryUser(ctx, scope, q, nil)
}

// Pin implements batch.Lake.
func (l batchLake) Pin(ctx context.Context, scope forge.Scope, in, key string) (batch.Pin, error) {
	p := pinned{}
	name, sql := source(in)
	if sql == "" {
		p.Table = name
	} else {
		p.Table, p.Stored = forge.TableName{Namespace: pinNamespace, Name: key}, true
		if err := l.storeSelect(ctx, scope, sql, p.Table); err != nil {
			return batch.Pin{}, err
		}
	}
	t, err := l.house.Tables.Load(ctx, scope, p.Table)
	if err != nil {
		return batch.Pin{}, err
	}
	out := batch.Pin{Rows: t.Rows, Columns: columnsOf(t.Schema)}
	if t.Snapshot != nil {
		p.Snapshot = t.Snapshot.ID
		if !p.Stored {
			out.Refs = []forge.Ref{{Kind: "snapshot", ID: p.Table.String() + "@" + strconv.FormatInt(p.Snapshot, 10)}}
		}
	}
	out.Handle, err = json.Marshal(p)
	return out, err
}

// storeSelect keeps the rows of a user's SELECT in a table of its own, so that every
// read gives the same rows in the same order.
func (l batchLake) storeSelect(ctx context.Context, scope forge.Scope, sql string, into forge.TableName) error {
	res, err := l.ask(ctx, scope, lake.Query{SQL: sql})
	if err != nil {
		return err
	}
	defer res.Close() //nolint:errcheck // Next has said what there is to say
	if err := l.drop(ctx, scope, into); err != nil {
		return err
	}
	if _, err := l.house.Tables.Create(ctx, scope, into, res.Schema(), nil); err != nil {
		return err
	}
	w, err := l.house.Tables.NewWriter(ctx, scope, into)
	if err != nil {
		return err
	}
	if err := eachBatch(ctx, res, w.Write); err != nil {
		w.Abort()
		return err
	}
	f, err := w.Close()
	if err != nil {
		return err
	}
	_, err = l.house.Tables.Commit(ctx, scope, into, lake.Change{Add: []lake.DataFile{f}})
	return err
}

func (l batchLake) drop(ctx context.Context, scope forge.Scope, name forge.TableName) error {
	if err := l.house.Tables.Drop(ctx, scope, name); err != nil && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	return nil
}

func columnsOf(s lake.Schema) []batch.Column {
	out := make([]batch.Column, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = batch.Column{Name: c.Name, Type: string(c.Type)}
	}
	return out
}

// Read implements batch.Lake. DuckDB keeps the order of files and of rows in them.
func (l batchLake) Read(ctx context.Context, scope forge.Scope, pin batch.Pin) (batch.Reader, error) {
	var p pinned
	if err := json.Unmarshal(pin.Handle, &p); err != nil {
		return nil, err
	}
	return l.house.Query(ctx, scope, lake.Query{SQL: "SELECT * FROM " + p.Table.String()}, lake.At{p.Table: p.Snapshot})
}

// Unpin implements batch.Lake.
func (l batchLake) Unpin(ctx context.Context, scope forge.Scope, pin batch.Pin) error {
	var p pinned
	if err := json.Unmarshal(pin.Handle, &p); err != nil {
		return err
	}
	if !p.Stored {
		return nil
	}
	return l.drop(ctx, scope, p.Table)
}

// Prepare implements batch.Lake.
func (l batchLake) Prepare(ctx context.Context, scope forge.Scope, out forge.TableName, columns []batch.Column) error {
	var want lake.Schema
	for _, c := range columns {
		want.Columns = append(want.Columns, lake.Column{Name: c.Name, Type: lake.Type(c.Type)})
	}
	t, err := l.house.Tables.Load(ctx, scope, out)
	if errors.Is(err, forge.ErrNotFound) {
		_, err = l.house.Tables.Create(ctx, scope, out, want, map[string]string{madeBy: batchScoring})
		return err
	}
	if err != nil {
		return err
	}
	if t.Properties[madeBy] != batchScoring {
		return forge.Errorf(forge.KindConflict, nil, "table %s exists and was not made by batch scoring, which would replace its rows: choose another name for the scores", out)
	}
	_, err = l.house.Ensure(ctx, scope, out, want)
	return err
}

// Writer implements batch.Lake.
func (l batchLake) Writer(ctx context.Context, scope forge.Scope, out forge.TableName) (batch.Writer, error) {
	w, err := l.house.Tables.NewWriter(ctx, scope, out)
	return batchWriter{w}, err
}

type batchWriter struct{ lake.Writer }

func (w batchWriter) Close() (batch.File, error) {
	f, err := w.Writer.Close()
	return batch.File{Path: f.Path, Rows: f.Rows, Size: f.Size}, err
}

// Commit implements batch.Lake. The key in the snapshot's summary tells a commit whose
// answer was lost.
func (l batchLake) Commit(ctx context.Context, scope forge.Scope, out forge.TableName, files []batch.File, key string, summary map[string]string) (int64, error) {
	snaps, err := l.house.Tables.Snapshots(ctx, scope, out)
	if err != nil {
		return 0, err
	}
	for _, s := range snaps {
		if s.Summary[batchSnapshot] == key {
			return s.ID, nil
		}
	}
	change := lake.Change{ReplaceAll: true, Summary: map[string]string{batchSnapshot: key}}
	for k, v := range summary {
		change.Summary[k] = v
	}
	for _, f := range files {
		change.Add = append(change.Add, lake.DataFile{Path: f.Path, Rows: f.Rows, Size: f.Size})
	}
	s, err := l.house.Tables.Commit(ctx, scope, out, change)
	return s.ID, err
}
