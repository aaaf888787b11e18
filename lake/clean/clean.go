// Package clean turns recipes into SQL and runs them: it suggests a recipe from a
// table's data, previews it and applies it.
//
// kinds.go has the map of all kinds of steps. Each declares a spec (what forms, docs
// and checks use) and a compile function that gives SQL for one step. NewPlan chains
// the steps, one CTE per step, named after it; a Plan gives the queries for the result,
// for the rejected rows and for the counts per step. What users write as SQL is
// checked twice: its words here (lex.go: one expression, no parameters, so that
// nothing reaches the masking key), its meaning by the engine's rules for users' SQL.
package clean

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// Config is what the service is made of.
type Config struct {
	House *lake.House
	DB    *sqldb.DB
	// Secret returns the masking secret of a project: at least 32 bytes, always the
	// same, another one for every project.
	Secret  func(forge.Scope) []byte
	Lineage forge.Lineage // nil: no lineage is written
	Log     *slog.Logger  // nil discards
	Now     func() time.Time
	Fault   fault.Hook // for tests
}

// Service suggests, previews, applies and stores recipes.
type Service struct {
	house   *lake.House
	store   *Store
	secret  func(forge.Scope) []byte
	lineage forge.Lineage
	log     *slog.Logger
	now     func() time.Time
	fault   fault.Hook
}

// New opens the service and its tables in the metadata store.
func New(ctx context.Context, c Config) (*Service, error) {
	store, err := OpenStore(ctx, c.DB, c.Now)
	if err != nil {
		return nil, err
	}
	s := &Service{c.House, store, c.Secret, c.Lineage, c.Log, c.Now, c.Fault}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// Store returns the stored recipes.
func (s *Service) Store() *Store { return s.store }

// CheckApply refuses a recipe whose tables or columns are not there, before a job is
// made of it.
func (s *Service) CheckApply(ctx context.Context, scope forge.Scope, r lake.Recipe) error {
	_, err := NewPlan(ctx, r, inputs(s.house, scope, s.key(scope)))
	return err
}

// Suggest looks at a table and proposes a recipe.
func (s *Service) Suggest(ctx context.Context, scope forge.Scope, table forge.TableName) (lake.Recipe, []Reason, error) {
	return Suggest(ctx, s.house, scope, table)
}

// Preview runs a recipe without keeping anything.
func (s *Service) Preview(ctx context.Context, scope forge.Scope, r lake.Recipe, rows int) (Shown, error) {
	return Preview(ctx, s.house, scope, r, s.key(scope), rows)
}

func (s *Service) key(scope forge.Scope) mask.Key {
	if s.secret == nil {
		return mask.Key{}
	}
	return mask.NewKey(s.secret(scope))
}

// inputs reads schemas and checks users' SQL through the house.
func inputs(house *lake.House, scope forge.Scope, key mask.Key) Inputs {
	return Inputs{
		Key: key,
		Schema: func(ctx context.Context, t forge.TableName) (lake.Schema, error) {
			got, err := house.Tables.Load(ctx, scope, t)
			return got.Schema, err
		},
		Describe: func(ctx context.Context, sql string) (lake.Schema, error) {
			schema, err := describeUser(ctx, house, scope, sql)
			if errors.Is(err, forge.ErrUnavailable) && ctx.Err() == nil {
				// A worker that was lost says nothing about the SQL, and asking again
				// changes nothing.
				return describeUser(ctx, house, scope, sql)
			}
			return schema, err
		},
	}
}

// describeUser returns the columns of a SELECT under the rules for users' SQL.
func describeUser(ctx context.Context, house *lake.House, scope forge.Scope, sql string) (lake.Schema, error) {
	res, err := house.QueryUser(ctx, scope, lake.Query{SQL: sql, Limits: lake.Limits{Time: 20 * time.Second}}, nil)
	if err != nil {
		return lake.Schema{}, err
	}
	rows, err := lake.Collect(ctx, res) // an engine may say only now what is wrong
	return lake.Schema{Columns: rows.Columns}, err
}

// pin fixes the tables that a plan reads to their present snapshots.
func pin(ctx context.Context, house *lake.House, scope forge.Scope, tables []forge.TableName) (lake.At, error) {
	at := lake.At{}
	for _, t := range tables {
		got, err := house.Tables.Load(ctx, scope, t)
		if err != nil {
			return nil, err
		}
		if got.Snapshot != nil {
			at[t] = got.Snapshot.ID
		}
	}
	return at, nil
}

// firstLine keeps the engine's message and leaves the excerpt of our SQL out.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
