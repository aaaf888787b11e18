package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
)

// Follow brings the places of model packages to where the folder of models is now. They
// are stored whole, so that a data folder that was moved, copied or restored elsewhere
// still names the old ones.
func (s *Store) Follow(ctx context.Context, models string) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		all, err := packages(ctx, tx)
		if err != nil {
			return err
		}
		for _, v := range all {
			if strings.HasPrefix(v.Dir, models+string(filepath.Separator)) {
				continue
			}
			to := filepath.Join(models, string(v.Scope.Tenant), string(v.Scope.Project), filepath.Base(filepath.Dir(v.Dir)), filepath.Base(v.Dir))
			if _, err := tx.ExecContext(ctx, `UPDATE training_versions SET dir = $5 WHERE tenant = $1 AND project = $2 AND model = $3 AND number = $4`,
				v.Scope.Tenant, v.Scope.Project, v.Model, v.Number, to); err != nil {
				return err
			}
		}
		return nil
	})
}

// Package is where a version's package lies, MODELS/TENANT/PROJECT/MODEL/DIGEST, and
// the digest that it was registered with.
type Package struct {
	Scope  forge.Scope
	Model  string
	Number int
	Digest string
	Dir    string
}

// Packages are those of all projects, for who looks at a data folder as a whole.
func (s *Store) Packages(ctx context.Context) ([]Package, error) { return packages(ctx, s.db) }

func packages(ctx context.Context, q queryer) (out []Package, err error) {
	rows, err := q.QueryContext(ctx, `SELECT tenant, project, model, number, digest, dir FROM training_versions WHERE dir <> '' ORDER BY tenant, project, model, number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p Package
		if err := rows.Scan(&p.Scope.Tenant, &p.Scope.Project, &p.Model, &p.Number, &p.Digest, &p.Dir); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
