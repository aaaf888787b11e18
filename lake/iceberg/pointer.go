package iceberg

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the embedded folder is part of the binary
	}
	return sub
}

// pointer is a row of lake_table: where a table's current metadata file is. The
// row's compare-and-swap is what makes a commit happen.
type pointer struct {
	location string // of the table, a URI
	metadata string // of the current metadata file, a URI
	created  time.Time
	updated  time.Time
}

const pointerColumns = "location, metadata_location, created, updated"

func scanPointer(scan func(...any) error, more ...any) (pointer, error) {
	var p pointer
	var created, updated int64
	err := scan(append(more, &p.location, &p.metadata, &created, &updated)...)
	p.created, p.updated = sqldb.Time(created), sqldb.Time(updated)
	return p, err
}

func (t *Tables) pointer(ctx context.Context, scope forge.Scope, name forge.TableName) (pointer, error) {
	row := t.db.QueryRowContext(ctx, "SELECT "+pointerColumns+" FROM lake_table WHERE tenant = $1 AND project = $2 AND namespace = $3 AND name = $4",
		scope.Tenant, scope.Project, name.Namespace, name.Name)
	p, err := scanPointer(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return pointer{}, missing(name)
	}
	return p, err
}

func missing(name forge.TableName) error {
	return forge.Errorf(forge.KindNotFound, nil, "table %s does not exist; forge tables lists what is there", name)
}

// pointers returns all tables of a project by name.
func (t *Tables) pointers(ctx context.Context, scope forge.Scope) ([]forge.TableName, []pointer, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT namespace, name, "+pointerColumns+" FROM lake_table WHERE tenant = $1 AND project = $2 ORDER BY namespace, name",
		scope.Tenant, scope.Project)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var names []forge.TableName
	var ps []pointer
	for rows.Next() {
		var n forge.TableName
		p, err := scanPointer(rows.Scan, &n.Namespace, &n.Name)
		if err != nil {
			return nil, nil, err
		}
		names, ps = append(names, n), append(ps, p)
	}
	return names, ps, rows.Err()
}

// execer is the store itself or a transaction in it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func insertPointer(ctx context.Context, db execer, scope forge.Scope, name forge.TableName, p pointer) error {
	_, err := db.ExecContext(ctx, "INSERT INTO lake_table (tenant, project, namespace, name, "+pointerColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		scope.Tenant, scope.Project, name.Namespace, name.Name, p.location, p.metadata, sqldb.Micros(p.created), sqldb.Micros(p.updated))
	return err
}

// movePointer sets the metadata file from one to another and reports whether the
// row had the first.
func movePointer(ctx context.Context, db execer, scope forge.Scope, name forge.TableName, from, to string, at time.Time) (bool, error) {
	res, err := db.ExecContext(ctx, "UPDATE lake_table SET metadata_location = $1, updated = $2 WHERE tenant = $3 AND project = $4 AND namespace = $5 AND name = $6 AND metadata_location = $7",
		to, sqldb.Micros(at), scope.Tenant, scope.Project, name.Namespace, name.Name, from)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func (t *Tables) deletePointer(ctx context.Context, scope forge.Scope, name forge.TableName) (bool, error) {
	res, err := t.db.ExecContext(ctx, "DELETE FROM lake_table WHERE tenant = $1 AND project = $2 AND namespace = $3 AND name = $4",
		scope.Tenant, scope.Project, name.Namespace, name.Name)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// renamePointer gives a table another name; its folder stays.
func (t *Tables) renamePointer(ctx context.Context, scope forge.Scope, from, to forge.TableName) (bool, error) {
	res, err := t.db.ExecContext(ctx, "UPDATE lake_table SET namespace = $1, name = $2, updated = $3 WHERE tenant = $4 AND project = $5 AND namespace = $6 AND name = $7",
		to.Namespace, to.Name, sqldb.Micros(t.cfg.Now()), scope.Tenant, scope.Project, from.Namespace, from.Name)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
