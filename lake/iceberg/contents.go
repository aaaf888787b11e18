package iceberg

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
)

// Contents lists a table's files without fetching them. It fails with KindInvalid when
// the files cannot be written anew by the engine without loss: another program gave the
// table partitions, row-level deletes or columns that only it can write.
func (t *Tables) Contents(ctx context.Context, scope forge.Scope, name forge.TableName) ([]lake.DataFile, lake.Schema, error) {
	_, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return nil, lake.Schema{}, err
	}
	if spec := meta.PartitionSpec(); !spec.IsUnpartitioned() {
		return nil, lake.Schema{}, forge.Errorf(forge.KindInvalid, nil, "table %s was partitioned by another program, which has to keep its files in order", name)
	}
	schema := lakeSchema(meta.CurrentSchema(), meta.Properties())
	for _, c := range schema.Columns {
		if _, err := c.Type.Arrow(); err != nil {
			return nil, schema, forge.Errorf(forge.KindInvalid, nil, "table %s has the column %q of type %s, which only the program that made it can write", name, c.Name, c.Type)
		}
	}
	files, err := t.files(name, meta.CurrentSnapshot())
	return files, schema, err
}

// Fetch makes files ready to be read.
func (t *Tables) Fetch(ctx context.Context, name forge.TableName, files []lake.DataFile) error {
	if err := t.fs.get(ctx, files); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s: its files cannot be fetched", name)
	}
	return nil
}

// Places lists the tables of every project, for work that no request asks for.
func (t *Tables) Places(ctx context.Context) ([]lake.Place, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT tenant, project, namespace, name, updated FROM lake_table ORDER BY tenant, project, namespace, name")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var out []lake.Place
	for rows.Next() {
		var p lake.Place
		var updated int64
		if err := rows.Scan(&p.Scope.Tenant, &p.Scope.Project, &p.Name.Namespace, &p.Name.Name, &updated); err != nil {
			return nil, err
		}
		p.Updated = sqldb.Time(updated)
		out = append(out, p)
	}
	return out, rows.Err()
}
