package jobs

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// rows is the job table and its two children. Every change of state is one UPDATE
// that names the state it expects, so two processes can never both make it.
type rows struct {
	db  *sqldb.DB
	now func() time.Time
}

// address is a job's full key.
type address struct {
	forge.Scope
	ID string
}

const jobColumns = `id, kind, title, state, args, result, error, error_kind, principal, progress, attempt, created, started, finished`

type scanner interface{ Scan(dest ...any) error }

func scanJob(row scanner) (Job, forge.Principal, error) {
	var (
		j                                  Job
		args, result, principal, progress  string
		state, errorKind                   string
		created, started, finished, number int64
		who                                forge.Principal
	)
	err := row.Scan(&j.ID, &j.Kind, &j.Title, &state, &args, &result, &j.Error, &errorKind, &principal, &progress, &number, &created, &started, &finished)
	if err != nil {
		return Job{}, who, err
	}
	j.State, j.ErrorKind, j.Attempt = State(state), forge.Kind(errorKind), int(number)
	j.Args, j.Result = rawOrNil(args), rawOrNil(result)
	j.Created, j.Started, j.Finished = sqldb.Time(created), timeOrNil(started), timeOrNil(finished)
	if err := json.Unmarshal([]byte(principal), &who); err != nil {
		return Job{}, who, err
	}
	j.By = who.Name
	return j, who, json.Unmarshal([]byte(progress), &j.Progress)
}

func rawOrNil(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

func timeOrNil(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := sqldb.Time(us)
	return &t
}

// insert stores a new queued job; due says when the reconcile loop may deliver it if
// nobody else has by then.
func (s rows) insert(ctx context.Context, scope forge.Scope, who forge.Principal, j Job, key string, due time.Time) error {
	principal, err := json.Marshal(who)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO job (tenant, project, id, kind, title, ukey, state, args, result, error, error_kind, principal, progress,
		attempt, failures, lapses, cancelling, owner, lease, due, delivery, events, created, started, finished)
		VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, '', '', '', $8, '{}', 0, 0, 0, 0, '', 0, $9, 0, 0, $10, 0, 0)`,
		scope.Tenant, scope.Project, j.ID, j.Kind, j.Title, key, string(j.Args), string(principal), sqldb.Micros(due), sqldb.Micros(j.Created))
	return err
}

func (s rows) get(ctx context.Context, a address) (Job, error) {
	j, _, err := scanJob(s.db.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM job WHERE tenant = $1 AND project = $2 AND id = $3`, a.Tenant, a.Project, a.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return Job{}, notFound(a.ID)
	}
	return j, err
}

func notFound(id string) error {
	return forge.Errorf(forge.KindNotFound, nil, "job %q does not exist in this project; forge jobs lists what is there", id)
}

// live returns the job of this kind and key that is not done.
func (s rows) live(ctx context.Context, scope forge.Scope, kind, key string) (Job, bool, error) {
	j, _, err := scanJob(s.db.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM job
		WHERE tenant = $1 AND project = $2 AND kind = $3 AND ukey = $4 AND state IN ('queued', 'running')`, scope.Tenant, scope.Project, kind, key))
	if errors.Is(err, sql.ErrNoRows) {
		return Job{}, false, nil
	}
	return j, err == nil, err
}

func (s rows) list(ctx context.Context, scope forge.Scope, limit int, kind string) ([]Job, error) {
	rs, err := s.db.QueryContext(ctx, `SELECT `+jobColumns+` FROM job WHERE tenant = $1 AND project = $2 AND ($3 = '' OR kind = $3)
		ORDER BY created DESC, id DESC LIMIT $4`, scope.Tenant, scope.Project, kind, limit)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	out := []Job{}
	for rs.Next() {
		j, _, err := scanJob(rs)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, rs.Err()
}

func (s rows) events(ctx context.Context, a address, after int64, limit int) ([]Event, error) {
	rs, err := s.db.QueryContext(ctx, `SELECT seq, at, type, data FROM job_event
		WHERE tenant = $1 AND project = $2 AND job = $3 AND seq > $4 ORDER BY seq LIMIT $5`, a.Tenant, a.Project, a.ID, after, limit)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	out := []Event{}
	for rs.Next() {
		var e Event
		var at int64
		var data string
		if err := rs.Scan(&e.Seq, &at, &e.Type, &data); err != nil {
			return nil, err
		}
		e.At, e.Data = sqldb.Time(at), json.RawMessage(data)
		out = append(out, e)
	}
	return out, rs.Err()
}

// changed runs one UPDATE and reports whether it found its row.
func (s rows) changed(ctx context.Context, query string, args ...any) (bool, error) {
	res, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
