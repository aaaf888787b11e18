// Package mlflowstore keeps what MLflow's clients log: experiments, runs with their
// metrics, params and tags, logged models, and what they say about models of forge's
// registry. Times are milliseconds, as MLflow has them.
package mlflowstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Kinds of things that have tags or params.
const (
	KindExperiment = "experiment"
	KindRun        = "run"
	KindLogged     = "logged"
	KindModel      = "model"
	KindVersion    = "version"
)

// Stages of life of an experiment or run, and the views of them.
const (
	Active  = "active"
	Deleted = "deleted"
)

// Limits of one request and of one value; they are MLflow's own.
const (
	MaxMetrics  = 1000
	MaxParams   = 100
	MaxTags     = 100
	MaxEntities = 1000
	maxKey      = 250
	maxParam    = 6000
	maxTag      = 8000
)

// KV is a tag or a param.
type KV struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Store keeps it all in the metadata store.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

// Open brings the tables to the newest version. A nil now is time.Now.
func Open(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Store, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, "mlflow", sub); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}, nil
}

func (s *Store) ms() int64 { return s.now().UnixMilli() }

func check(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project: MLflow works in one")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}

// key checks the name of a metric, param or tag.
func key(what, s string) error {
	switch {
	case s == "":
		return invalid("%s: a key must be given", what)
	case len(s) > maxKey:
		return invalid("%s %.40q…: a key has at most %d bytes, not %d", what, s, maxKey, len(s))
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return invalid("%s %q: the key is not valid text", what, s)
	case s == "." || s == ".." || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "../") || strings.Contains(s, "/../") || strings.HasSuffix(s, "/..") || strings.Contains(s, "//"):
		return invalid("%s %q: a key must not look like a path that leads elsewhere", what, s)
	}
	return nil
}

func values(what string, all []KV, most int) error {
	for _, kv := range all {
		if err := key(what, kv.Key); err != nil {
			return err
		}
		if len(kv.Value) > most {
			return invalid("%s %q: a value has at most %d bytes, not %d", what, kv.Key, most, len(kv.Value))
		}
		if strings.ContainsRune(kv.Value, 0) {
			return invalid("%s %q: the value holds a NUL sign", what, kv.Key)
		}
	}
	return nil
}

// marks writes rows of placeholders "($1, $2), ($3, $4)" for n rows of width values.
func marks(n, width int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range width {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", i*width+j+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// list writes "$3, $4, $5" for n values after the first two, which are the scope.
func list(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

// each calls f for every row of a query.
func each(rows *sql.Rows, err error, f func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
