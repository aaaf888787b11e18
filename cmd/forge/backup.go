package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/features/onlinekv"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/archive"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake/iceberg"
	"filippo.io/age"
)

// backupParts is what a backup asks to hold still or to copy itself.
type backupParts struct {
	log    *pausable
	tables *iceberg.Tables
	online *onlinekv.Store
	audit  *audit.Log
	one    sync.Mutex // one backup at a time
}

// pausable is the log with a way to keep everybody from changing it for a moment.
// Reading goes on.
type pausable struct {
	ingest.Log
	change sync.RWMutex
}

func (p *pausable) Create(ctx context.Context, topic string) error {
	p.change.RLock()
	defer p.change.RUnlock()
	return p.Log.Create(ctx, topic)
}

func (p *pausable) Append(ctx context.Context, topic string, recs ...ingest.Record) (int64, error) {
	p.change.RLock()
	defer p.change.RUnlock()
	return p.Log.Append(ctx, topic, recs...)
}

func (p *pausable) Trim(ctx context.Context, topic string, offset int64) error {
	p.change.RLock()
	defer p.change.RUnlock()
	return p.Log.Trim(ctx, topic, offset)
}

// openBackup registers the operation that makes a backup.
func (a *App) openBackup(context.Context) error {
	op := httpapi.Op{ID: "backup", Method: "POST", Path: "/api/backup", Summary: "A copy of the whole data folder, encrypted, as a stream", Tag: "server", Perm: forge.PermAdmin}
	a.server.HandleRaw(op, a.serveBackup)
	return nil
}

// backupRequest says for whom the backup is encrypted.
type backupRequest struct {
	Passphrase string   `json:"passphrase"`
	Recipients []string `json:"recipients"`
}

func (a *App) serveBackup(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var in backupRequest
	if err := json.Unmarshal(raw, &in); err != nil {
		return forge.Errorf(forge.KindInvalid, err, `the request is no JSON: want {"passphrase": "…"} or {"recipients": ["age1…"]}`)
	}
	if err := a.mayBackUp(r.Context()); err != nil {
		return err
	}
	to, err := archive.Recipients(in.Passphrase, in.Recipients)
	if err != nil {
		return err
	}
	if !a.backup.one.TryLock() {
		return forge.Errorf(forge.KindConflict, nil, "a backup is being made already: wait for its end")
	}
	defer a.backup.one.Unlock()
	s, err := a.stage(r.Context())
	if err != nil {
		return err
	}
	defer s.close()
	a.log.Info("backup", "files", len(s.files), "bytes", s.bytes(), "log held for", s.held)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="forge-%s.backup"`, s.at.Format("20060102T150405Z")))
	w.Header().Set("Forge-Backup-Files", fmt.Sprint(len(s.files)))
	w.Header().Set("Forge-Backup-Bytes", fmt.Sprint(s.bytes()))
	if err := a.send(r.Context(), w, s, to); err != nil {
		a.log.Error("a backup broke off", "err", err, "request", httpapi.RequestID(r.Context()))
		panic(http.ErrAbortHandler) // the client must not take it for a whole one
	}
	return nil
}

func (a *App) send(ctx context.Context, w io.Writer, s *staging, to []age.Recipient) error {
	head := archive.Head{Format: dataFormat, Forge: version, At: s.at}
	return archive.Write(untilEnd{ctx, a.ending, w}, head, s.files, to...)
}

// untilEnd writes until the client goes or the server stops.
type untilEnd struct {
	ctx    context.Context
	ending <-chan struct{}
	io.Writer
}

func (u untilEnd) Write(b []byte) (int, error) {
	select {
	case <-u.ending:
		return 0, forge.Errorf(forge.KindUnavailable, nil, "the server is stopping")
	case <-u.ctx.Done():
		return 0, u.ctx.Err()
	default:
		return u.Writer.Write(b)
	}
}

// mayBackUp refuses who is not an owner of the first project, since a backup holds
// every project and the keys, and a server whose data is not all in its folder.
func (a *App) mayBackUp(ctx context.Context) error {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	if scope != firstProject.Scope {
		return forge.Errorf(forge.KindDenied, nil, "a backup holds every project: only an owner of the first one, %s, may make it", firstProject.Scope)
	}
	return a.cfg.allEmbedded()
}

// allEmbedded refuses to make half a backup.
func (c *Config) allEmbedded() error {
	for _, p := range []struct{ addr, what, instead string }{
		{c.Metadata, "metadata is in PostgreSQL", "stop forge, run pg_dump, and copy the data folder"},
		{c.Warehouse, "tables are in an object store", "switch on the bucket's versioning or replication"},
		{c.Log, "log is a Kafka of its own", "let its topics keep what the tables have not taken"},
		{c.Online, "online features are in Redis", "materialize them again after a restore"},
	} {
		if !Embedded(p.addr) {
			return forge.Errorf(forge.KindConflict, nil, "this server's %s (%s), which forge backup does not reach: %s; docs/operations.md says in which order", p.what, hidePassword(p.addr), p.instead)
		}
	}
	return nil
}

// stage gathers the files of one moment. Nothing waits for it but the log, for the few
// milliseconds in which the moment is taken: records after it are not in the backup, and
// the tables' offsets before it are those of the metadata.
func (a *App) stage(ctx context.Context) (_ *staging, err error) {
	release, err := a.backup.tables.Hold()
	if err != nil {
		return nil, err
	}
	s, err := newStaging(a.cfg.Data, a.cfg.path("tmp", forge.NewID("backup")), release)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err == nil { // what a job removes while we go on is needed by the moment's metadata
		err = s.folder(".", apart)
	}
	if err != nil {
		return s, err
	}
	moment, err := a.moment(ctx, s)
	if err != nil {
		return s, err
	}
	if err := moment.Save(s.path("meta.db")); err != nil {
		_ = moment.Close()
		return s, err
	}
	if err := moment.Close(); err != nil {
		return s, err
	}
	return s, a.gather(ctx, s)
}

// apart are the parts of the data folder that are copied in a way of their own, or not
// at all: another start makes them anew.
var apart = map[string]bool{
	"meta.db": true, "meta.db-wal": true, "meta.db-shm": true, "lake": true, "log": true, "online": true, "audit": true, "predictions": true,
	"tmp": true, "trainer": true, "copies": true, "lock": true, "server.json": true, ".server.json": true, "server.log": true, ".format": true,
}

// moment holds the log still, takes its files as they are, and pins the metadata.
// Predictions are taken first: a batch that is in both is known by its identity.
func (a *App) moment(ctx context.Context, s *staging) (*sqldb.Snapshot, error) {
	a.backup.log.change.Lock()
	defer a.backup.log.change.Unlock()
	began := time.Now()
	defer func() { s.held = time.Since(began) }()
	s.at = began.UTC().Truncate(time.Second)
	for _, part := range []string{"predictions", "log"} {
		if err := s.folder(part, nil); err != nil {
			return nil, err
		}
	}
	return a.db.Snapshot(ctx)
}

// gather adds what may be a little younger than the moment, and what its metadata names.
func (a *App) gather(ctx context.Context, s *staging) error {
	if err := a.backup.online.Copy(s.path("online")); err != nil {
		return err
	}
	if err := a.backup.audit.Copy(s.path("audit")); err != nil {
		return err
	}
	if err := s.folder(".", apart); err != nil { // what has come since the first look
		return err
	}
	db, err := sqldb.Open(ctx, "sqlite:"+s.path("meta.db"), a.keys.Derive("metadata", 64))
	if err != nil {
		return err
	}
	err = a.backup.tables.Reachable(ctx, db, func(p string) error {
		rel, err := filepath.Rel(a.cfg.Data, p)
		if err != nil {
			return err
		}
		return s.immutable(rel)
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "a file of a table is not there: another program may have removed it just now; stop the server, and forge verify looks at the whole data folder")
	}
	return s.own("meta.db", "online", "audit")
}
