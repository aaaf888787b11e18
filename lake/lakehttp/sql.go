package lakehttp

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	"github.com/go-chi/chi/v5"
)

const (
	defaultRows = 10_000
	maxRows     = 1_000_000
	previewRows = 100
)

// sqlInput is the body of a query. Timeout is seconds, or text such as "30s".
type sqlInput struct {
	SQL     string          `json:"sql"`
	Limit   int64           `json:"limit"`
	Timeout json.RawMessage `json:"timeout"`
}

func (in sqlInput) limits() (lake.Limits, error) {
	out := lake.Limits{Rows: in.Limit}
	if in.Limit == 0 {
		out.Rows = defaultRows
	}
	if in.Limit < 0 || in.Limit > maxRows {
		return out, forge.Errorf(forge.KindInvalid, nil, "limit %d: want 1 to %d rows; read more with a LIMIT and OFFSET of your own, or as Arrow", in.Limit, maxRows)
	}
	if len(in.Timeout) == 0 || string(in.Timeout) == "null" {
		return out, nil
	}
	var seconds float64
	var text string
	var err error
	if json.Unmarshal(in.Timeout, &seconds) == nil {
		out.Time = time.Duration(seconds * float64(time.Second))
	} else if err = json.Unmarshal(in.Timeout, &text); err == nil {
		out.Time, err = time.ParseDuration(text)
	}
	if err != nil || out.Time <= 0 {
		return out, forge.Errorf(forge.KindInvalid, err, "timeout %s: want seconds, or a duration such as \"30s\"", in.Timeout)
	}
	return out, nil
}

func (h *handlers) sql(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	var in sqlInput
	if err := decode(r.Body, &in); err != nil {
		return err
	}
	limits, err := in.limits()
	if err != nil {
		return err
	}
	views, err := lake.ViewsIn(r.Context(), scope, h.views, in.SQL)
	if err != nil {
		return err
	}
	res, err := h.house.QueryUser(r.Context(), scope, lake.Query{SQL: in.SQL, Views: views, Limits: limits}, nil)
	if err != nil {
		return err
	}
	return send(w, r, res, start, formatOf(r))
}

func decode(body io.Reader, v any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return httpapi.Status(http.StatusRequestEntityTooLarge, "the request is larger than "+strconv.FormatInt(big.Limit, 10)+" bytes")
	case err != nil:
		return forge.Errorf(forge.KindInvalid, err, "the request is not the JSON that is wanted here: %s", err)
	}
	return nil
}

// rows answers with the first rows of a table or of one of its snapshots.
func (h *handlers) rows(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	in := httpapi.TablePath{Table: chi.URLParam(r, "table")}
	scope, name, err := in.At(r.Context())
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", previewRows, maxRows)
	if err != nil {
		return err
	}
	snapshot, err := number(r, "snapshot", 0, 1<<63-1)
	if err != nil {
		return err
	}
	files, schema, err := h.house.Tables.Files(r.Context(), scope, name, snapshot)
	if err != nil {
		return err
	}
	res, err := h.house.Engine.Query(r.Context(), lake.Query{
		SQL: "SELECT * FROM " + sqltext.Table(name), Sources: map[forge.TableName]lake.Source{name: {Files: files, Schema: schema}},
		Limits: lake.Limits{Rows: limit, Time: time.Minute},
	})
	if err != nil {
		return err
	}
	return send(w, r, described{res, schema}, start, formatOf(r))
}

// described gives a result the table's own columns, which have ids, docs and labels.
type described struct {
	lake.Result
	schema lake.Schema
}

func (d described) Schema() lake.Schema { return d.schema }

func number(r *http.Request, key string, otherwise, most int64) (int64, error) {
	s := r.URL.Query().Get(key)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > most {
		return 0, forge.Errorf(forge.KindInvalid, err, "%s %q: want a whole number from 1 to %d", key, s, most)
	}
	return n, nil
}

// formatOf picks how rows are sent: the first type of Accept that we know.
func formatOf(r *http.Request) string {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch kind {
		case typeJSON, typeLines, typeArrow:
			return kind
		}
	}
	return typeJSON
}
