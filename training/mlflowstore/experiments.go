package mlflowstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// The experiments that every project has: one for runs without an experiment, and one
// with forge's own training runs.
const (
	DefaultExperiment = 0
	ForgeExperiment   = 1
)

// Experiment groups runs. Number is its id.
type Experiment struct {
	Number           int64
	Name             string
	Location         string // where artifacts of its runs go
	Stage            string
	Created, Updated int64
	Tags             []KV
}

// ID is the number as clients give it.
func (e Experiment) ID() string { return strconv.FormatInt(e.Number, 10) }

// ParseExperiment reads an experiment's id.
func ParseExperiment(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 {
		return 0, forge.Errorf(forge.KindNotFound, err, "experiment %q does not exist; ids are numbers", id)
	}
	return n, nil
}

// location is where artifacts of an experiment go unless the client names a place.
func location(number int64) string { return "mlflow-artifacts:/" + strconv.FormatInt(number, 10) }

// provided makes sure that the experiments every project has are there.
func provided(ctx context.Context, q queryer, scope forge.Scope, now int64) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO mlflow_experiments (tenant, project, number, name, location, stage, created, updated)
		VALUES ($1, $2, 0, 'Default', $4, 'active', $3, $3), ($1, $2, 1, 'forge', $5, 'active', $3, $3) ON CONFLICT DO NOTHING`,
		scope.Tenant, scope.Project, now, location(DefaultExperiment), location(ForgeExperiment))
	return err
}

// provide does so once per project: reading them later costs nothing.
func (s *Store) provide(ctx context.Context, scope forge.Scope) error {
	if err := check(scope); err != nil {
		return err
	}
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM mlflow_experiments WHERE tenant = $1 AND project = $2 AND number < 2`, scope.Tenant, scope.Project).Scan(&n)
	if err != nil || n == 2 {
		return err
	}
	return provided(ctx, s.db, scope, s.ms())
}

// CreateExperiment makes an experiment and returns its number.
func (s *Store) CreateExperiment(ctx context.Context, scope forge.Scope, name, place string, tags []KV) (int64, error) {
	if err := experimentName(name); err != nil {
		return 0, err
	}
	if err := Place(place); err != nil {
		return 0, err
	}
	if err := s.provide(ctx, scope); err != nil {
		return 0, err
	}
	var number int64
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT max(number) + 1 FROM mlflow_experiments WHERE tenant = $1 AND project = $2`, scope.Tenant, scope.Project).Scan(&number)
		if err != nil {
			return err
		}
		if place == "" {
			place = location(number)
		}
		now := s.ms()
		_, err = tx.ExecContext(ctx, `INSERT INTO mlflow_experiments (tenant, project, number, name, location, stage, created, updated) VALUES ($1, $2, $3, $4, $5, 'active', $6, $6)`,
			scope.Tenant, scope.Project, number, name, strings.TrimSuffix(place, "/"), now)
		if err != nil {
			return err
		}
		return setTags(ctx, tx, scope, KindExperiment, strconv.FormatInt(number, 10), tags)
	})
	if sqldb.IsUnique(err) {
		return 0, forge.Errorf(forge.KindConflict, err, "experiment %q exists already; a deleted one keeps its name until it is renamed", name)
	}
	return number, err
}

func experimentName(name string) error {
	if name == "" || len(name) > 500 || strings.ContainsRune(name, 0) {
		return invalid("experiment name %.40q: want 1 to 500 bytes of text", name)
	}
	return nil
}

// Place checks where a client wants artifacts to go: in forge, or at an address that
// the client itself writes to.
func Place(uri string) error {
	if uri == "" {
		return nil
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case len(uri) > 1000 || strings.ContainsAny(uri, "\x00?#") || strings.Contains(uri, ".."):
		return invalid("artifact location %.100q: want an address without .. ? and #", uri)
	case !ok || scheme == "file" || scheme == "":
		return invalid("artifact location %q is a path of one machine: leave it out (forge then keeps the artifacts), or name an address such as s3://BUCKET/PATH", uri)
	case scheme == "mlflow-artifacts" && (rest == "/forge" || strings.HasPrefix(rest, "/forge/") || !strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "//")):
		return invalid("artifact location %q: want mlflow-artifacts:/PATH, outside forge/", uri)
	}
	return nil
}

const selectExperiment = `SELECT number, name, location, stage, created, updated FROM mlflow_experiments WHERE tenant = $1 AND project = $2`

func scanExperiment(row interface{ Scan(...any) error }) (Experiment, error) {
	e := Experiment{Tags: []KV{}}
	return e, row.Scan(&e.Number, &e.Name, &e.Location, &e.Stage, &e.Created, &e.Updated)
}

// Experiment returns one by its id.
func (s *Store) Experiment(ctx context.Context, scope forge.Scope, id string) (Experiment, error) {
	number, err := ParseExperiment(id)
	if err != nil {
		return Experiment{}, err
	}
	return s.experiment(ctx, scope, id, ` AND number = $3`, number)
}

// ExperimentByName returns one by its name.
func (s *Store) ExperimentByName(ctx context.Context, scope forge.Scope, name string) (Experiment, error) {
	return s.experiment(ctx, scope, name, ` AND name = $3`, name)
}

func (s *Store) experiment(ctx context.Context, scope forge.Scope, said, where string, arg any) (Experiment, error) {
	if err := s.provide(ctx, scope); err != nil {
		return Experiment{}, err
	}
	e, err := scanExperiment(s.db.QueryRowContext(ctx, selectExperiment+where, scope.Tenant, scope.Project, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return e, forge.Errorf(forge.KindNotFound, err, "experiment %q does not exist", said)
	}
	if err != nil {
		return e, err
	}
	tags, err := s.Tags(ctx, scope, KindExperiment, e.ID())
	e.Tags = append(e.Tags, tags[e.ID()]...)
	return e, err
}

// Experiments returns all, with their tags.
func (s *Store) Experiments(ctx context.Context, scope forge.Scope) ([]Experiment, error) {
	if err := s.provide(ctx, scope); err != nil {
		return nil, err
	}
	var out []Experiment
	var ids []string
	rows, err := s.db.QueryContext(ctx, selectExperiment+` ORDER BY number`, scope.Tenant, scope.Project)
	err = each(rows, err, func(r *sql.Rows) error {
		e, err := scanExperiment(r)
		out, ids = append(out, e), append(ids, e.ID())
		return err
	})
	if err != nil {
		return nil, err
	}
	tags, err := s.Tags(ctx, scope, KindExperiment, ids...)
	for i := range out {
		out[i].Tags = append(out[i].Tags, tags[out[i].ID()]...)
	}
	return out, err
}

// RenameExperiment gives an experiment another name.
func (s *Store) RenameExperiment(ctx context.Context, scope forge.Scope, id, name string) error {
	if err := experimentName(name); err != nil {
		return err
	}
	e, err := s.changeable(ctx, scope, id)
	if err != nil {
		return err
	}
	if e.Stage != Active {
		return invalid("experiment %s is deleted; restore it first", id)
	}
	_, err = s.db.ExecContext(ctx, `UPDATE mlflow_experiments SET name = $4, updated = $5 WHERE tenant = $1 AND project = $2 AND number = $3`, scope.Tenant, scope.Project, e.Number, name, s.ms())
	if sqldb.IsUnique(err) {
		return forge.Errorf(forge.KindConflict, err, "experiment %q exists already", name)
	}
	return err
}

// StageExperiment deletes or restores an experiment and the runs in it.
func (s *Store) StageExperiment(ctx context.Context, scope forge.Scope, id, stage string) error {
	e, err := s.changeable(ctx, scope, id)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE mlflow_experiments SET stage = $4, updated = $5 WHERE tenant = $1 AND project = $2 AND number = $3`, scope.Tenant, scope.Project, e.Number, stage, s.ms()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE mlflow_runs SET stage = $4 WHERE tenant = $1 AND project = $2 AND experiment = $3`, scope.Tenant, scope.Project, e.Number, stage)
		return err
	})
}

// changeable refuses to change the experiments that every project has.
func (s *Store) changeable(ctx context.Context, scope forge.Scope, id string) (Experiment, error) {
	e, err := s.Experiment(ctx, scope, id)
	if err == nil && e.Number <= ForgeExperiment {
		return e, invalid("experiment %q belongs to every project: it can be neither renamed nor deleted", e.Name)
	}
	return e, err
}
