// Package ingesthttp is ingest over HTTP: uploads in parts, sniffing, the start of a
// load, and what was loaded and rejected.
package ingesthttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/go-chi/chi/v5"
)

// Queue takes the job of a load.
type Queue interface {
	Enqueue(ctx context.Context, kind, title, key string, args any) (jobs.Job, error)
}

// Services are what the handlers call.
type Services struct {
	Loads *load.Loads
	Store *store.Store
	Queue Queue
	House *lake.House
}

// OffsetHeader carries an upload's offset in every answer to a part, also in the
// refusal of a wrong one.
const OffsetHeader = "Upload-Offset"

// Register adds ingest's operations.
func Register(s *httpapi.Server, svc Services) {
	h := handlers(svc)
	op := func(id, method, path string, perm forge.Permission, status int, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Perm: perm, Status: status, Summary: summary, Tag: "ingest"}
	}
	httpapi.Handle(s, op("create-upload", http.MethodPost, "/api/uploads", forge.PermWrite, 0, "Begin an upload"), h.create)
	part := op("write-upload", http.MethodPatch, "/api/uploads/{id}", forge.PermWrite, 0, "Send the next part of an upload")
	part.MaxBody, part.Quiet = load.PartSize+1, true // the upload's beginning is audited
	s.HandleRaw(part, h.write)
	httpapi.Handle(s, op("get-upload", http.MethodGet, "/api/uploads/{id}", forge.PermWrite, 0, "How far an upload is"), h.state)
	httpapi.Handle(s, op("delete-upload", http.MethodDelete, "/api/uploads/{id}", forge.PermWrite, http.StatusNoContent, "Forget an upload"), h.remove)
	httpapi.Handle(s, op("sniff-upload", http.MethodPost, "/api/uploads/{id}/sniff", forge.PermWrite, 0, "Guess how an uploaded file is written"), h.sniff)
	httpapi.Handle(s, op("ingest", http.MethodPost, "/api/ingest", forge.PermWrite, http.StatusAccepted, "Load an upload into a table"), h.ingest)
	httpapi.Handle(s, op("list-loads", http.MethodGet, "/api/loads", forge.PermRead, 0, "Files that were loaded"), h.loads)
	httpapi.Handle(s, op("list-rejects", http.MethodGet, "/api/rejects/{table}", forge.PermRead, 0, "Rows that could not be taken"), h.rejects)
}

type handlers Services

type uploadBody struct{ Body load.Upload }

type idPath struct {
	ID string `path:"id"`
}

func (h handlers) create(ctx context.Context, in *struct {
	Body struct {
		Name string `json:"name" maxLength:"1000" example:"calls.csv"`
		Size int64  `json:"size" doc:"Length of the file in bytes"`
	}
}) (*uploadBody, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	u, err := h.Loads.Create(ctx, scope, in.Body.Name, in.Body.Size)
	return &uploadBody{u}, err
}

func (h handlers) write(w http.ResponseWriter, r *http.Request) error {
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return forge.Errorf(forge.KindInvalid, err, "offset %q: want the number of the part's first byte, ?offset=N", r.URL.Query().Get("offset"))
	}
	u, err := h.Loads.Write(r.Context(), scope, chi.URLParam(r, "id"), offset, r.Body)
	if u.ID != "" {
		w.Header().Set(OffsetHeader, strconv.FormatInt(u.Offset, 10))
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return httpapi.Status(http.StatusRequestEntityTooLarge, fmt.Sprintf("a part has up to %d bytes; go on from offset %d", load.PartSize, u.Offset))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(u)
}

func (h handlers) state(ctx context.Context, in *idPath) (*uploadBody, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	u, err := h.Loads.State(ctx, scope, in.ID)
	return &uploadBody{u}, err
}

func (h handlers) remove(ctx context.Context, in *idPath) (*struct{}, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.Loads.Delete(ctx, scope, in.ID)
}

func (h handlers) sniff(ctx context.Context, in *idPath) (*struct{ Body *csv.Sniffed }, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	s, err := h.Loads.Sniff(ctx, scope, in.ID, csv.Options{})
	return &struct{ Body *csv.Sniffed }{s}, err
}

func (h handlers) ingest(ctx context.Context, in *struct {
	Body struct {
		Upload    string               `json:"upload" maxLength:"100"`
		Table     string               `json:"table" maxLength:"200" example:"raw.calls"`
		Types     map[string]lake.Type `json:"types,omitempty" doc:"Types that overrule the guess, by column"`
		Null      []string             `json:"null,omitempty" doc:"Texts that mean a missing value, beside the empty one"`
		HasHeader *bool                `json:"has_header,omitempty"`
	}
}) (*struct{ Body jobs.Job }, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	table, err := forge.ParseTableName(in.Body.Table)
	if err != nil {
		return nil, err
	}
	a := load.Args{Upload: in.Body.Upload, Table: table, Types: in.Body.Types, Null: in.Body.Null, HasHeader: in.Body.HasHeader}
	u, err := h.Loads.Check(ctx, scope, a)
	if err != nil {
		return nil, err
	}
	job, err := h.Queue.Enqueue(ctx, load.Kind, fmt.Sprintf("Ingest %s into %s", u.Name, table), u.ID+" "+table.String(), a)
	return &struct{ Body jobs.Job }{job}, err
}

type loadsBody struct {
	Body struct {
		Loads []ingest.Load `json:"loads"`
	}
}

func (h handlers) loads(ctx context.Context, in *struct {
	Table string `query:"table"`
}) (*loadsBody, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	var table forge.TableName
	if in.Table != "" {
		if table, err = forge.ParseTableName(in.Table); err != nil {
			return nil, err
		}
	}
	out := &loadsBody{}
	out.Body.Loads, err = h.Store.Loads(ctx, scope, table)
	return out, err
}

type rejectsBody struct {
	Body struct {
		Rejects []ingest.Reject `json:"rejects"`
		Total   int64           `json:"total"`
	}
}

func (h handlers) rejects(ctx context.Context, in *struct {
	Table string `path:"table"`
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"10000"`
}) (*rejectsBody, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	table, err := forge.ParseTableName(in.Table)
	if err != nil {
		return nil, err
	}
	if _, err := h.House.Tables.Load(ctx, scope, table); err != nil {
		return nil, err
	}
	out := &rejectsBody{}
	out.Body.Rejects = []ingest.Reject{}
	rejects, err := h.House.Tables.Load(ctx, scope, ingest.RejectsTable(table))
	if errors.Is(err, forge.ErrNotFound) {
		return out, nil // every row was taken
	}
	if err != nil {
		return nil, err
	}
	out.Body.Total = rejects.Rows
	out.Body.Rejects, err = h.readRejects(ctx, scope, rejects.Name, in.Limit)
	return out, err
}

func (h handlers) readRejects(ctx context.Context, scope forge.Scope, name forge.TableName, limit int) ([]ingest.Reject, error) {
	// The newest load first, and in it the order of the file: within a minute times say
	// little, because a load's rejects come from two places.
	res, err := h.House.Query(ctx, scope, lake.Query{SQL: fmt.Sprintf(
		`SELECT source, line, "column", value, reason, text, epoch_us("at") AS us FROM %s ORDER BY us // 60000000 DESC, source, line LIMIT %d`, name, limit)}, nil)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	out := []ingest.Reject{}
	for {
		rec, err := res.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range int(rec.NumRows()) {
			out = append(out, rejectOf(rec, i))
		}
	}
}

func rejectOf(rec arrow.RecordBatch, row int) ingest.Reject {
	text := func(col int) string {
		if s, ok := rec.Column(col).(array.StringLike); ok && s.IsValid(row) {
			return s.Value(row)
		}
		return ""
	}
	number := func(col int) int64 {
		if n, ok := rec.Column(col).(*array.Int64); ok && n.IsValid(row) {
			return n.Value(row)
		}
		return 0
	}
	return ingest.Reject{
		Source: text(0), Line: number(1), Column: text(2), Value: text(3), Reason: text(4), Text: text(5),
		At: time.UnixMicro(number(6)).UTC(),
	}
}
