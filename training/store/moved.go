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
		moved, err := elsewhere(ctx, tx, models)
		if err != nil {
			return err
		}
		for _, v := range moved {
			to := filepath.Join(models, string(v.scope.Tenant), string(v.scope.Project), filepath.Base(filepath.Dir(v.dir)), filepath.Base(v.dir))
			if _, err := tx.ExecContext(ctx, `UPDATE training_versions SET dir = $5 WHERE tenant = $1 AND project = $2 AND model = $3 AND number = $4`,
				v.scope.Tenant, v.scope.Project, v.model, v.number, to); err != nil {
				return err
			}
		}
		return nil
	})
}

type placed struct {
	scope  forge.Scope
	model  string
	number int
	dir    string // MODELS/TENANT/PROJECT/MODEL/DIGEST
}

func elsewhere(ctx context.Context, tx *sql.Tx, models string) (out []placed, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, project, model, number, dir FROM training_versions WHERE dir <> ''`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v placed
		if err := rows.Scan(&v.scope.Tenant, &v.scope.Project, &v.model, &v.number, &v.dir); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(v.dir, models+string(filepath.Separator)) {
			out = append(out, v)
		}
	}
	return out, rows.Err()
}
