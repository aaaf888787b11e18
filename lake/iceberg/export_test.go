package iceberg

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb"
)

// LoseAnswers makes every pointer move report the error that f returns although it
// happened.
func (t *Tables) LoseAnswers(f func() error) {
	t.cfg.Fault = func(point string) error {
		if point == "moved" {
			return f()
		}
		return nil
	}
}

// NewMirror opens a store over a stand-in for S3.
func NewMirror(db *sqldb.DB, warehouse string, remote remoteFS, cfg Config) (*Tables, error) {
	t, err := New(db, cfg.S3.Copies, cfg)
	if err != nil {
		return nil, err
	}
	m, err := newMirror(warehouse, t.cfg.S3, t.cfg.Now)
	if err != nil {
		return nil, err
	}
	m.remote = remote
	t.fs, t.warehouse = m, m.dir
	return t, nil
}

// Reopen forgets what is in memory, as a new process would.
func (t *Tables) Reopen(tb testing.TB) {
	tb.Helper()
	old := t.fs.(*mirror)
	m, err := newMirror(old.root, t.cfg.S3, t.cfg.Now)
	if err != nil {
		tb.Fatal(err)
	}
	m.remote = old.remote
	t.fs, t.cache = m, newCache(256)
}

// URI is the name of a local path in metadata.
func (t *Tables) URI(path string) string { return t.uri(path) }

// RewriteAvro is rewriteAvro.
var RewriteAvro = rewriteAvro
