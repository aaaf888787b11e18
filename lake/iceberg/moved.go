package iceberg

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"github.com/google/uuid"
)

// Iceberg names every file by its whole address, so the metadata of a warehouse in a
// folder says where that folder was. When the folder has been moved, copied or restored
// elsewhere, the tables' metadata is written again with the new addresses, once, before
// anything is read: a copy must never read, and still less clean up, the files of the
// folder that it was copied from.

// follow finds tables whose folder is not below the warehouse any more and brings their
// metadata to where their files are now. All of them change in one transaction; the
// files with the old addresses go only after it.
func (t *Tables) follow(ctx context.Context) error {
	if t.fs.unique() {
		return nil // an object store's address does not move
	}
	moved, err := t.movedTables(ctx)
	if err != nil || len(moved) == 0 {
		return err
	}
	t.cfg.Log.Info("the warehouse has been moved: its metadata is written again", "tables", len(moved), "from", moved[0].from, "to", t.warehouse)
	for _, m := range moved {
		if err := m.rewrite(); err != nil {
			return errors.Join(err, m.undo())
		}
	}
	err = t.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, m := range moved {
			if err := errors.Join(m.point(ctx, tx), m.notes(ctx, tx)); err != nil {
				return err
			}
		}
		return t.dropForeign(ctx, tx)
	})
	if err != nil {
		return err // the next start finds the old metadata as it was
	}
	for _, m := range moved {
		m.tidy()
	}
	return nil
}

// relocation is one table's way from an old place to a new one.
type relocation struct {
	t     *Tables
	scope forge.Scope
	name  forge.TableName
	old   pointer
	from  string // path of the table's folder before
	to    string // and now
	plain bool   // the old addresses have no escapes

	metadata string            // URI of the new metadata file
	done     map[string]string // manifest by its old URI → the new one
	lengths  map[string]int64  // of the new manifests
	made     []string          // paths of new files
	replaced []string          // paths of files that nothing names any more
}

func (t *Tables) movedTables(ctx context.Context) ([]*relocation, error) {
	all, err := t.places(ctx)
	if err != nil {
		return nil, err
	}
	var out []*relocation
	for _, m := range all {
		if strings.HasPrefix(t.path(m.old.location), t.warehouse+string(filepath.Separator)) {
			continue
		}
		if err := m.place(); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// places are the tables of all projects, with where the store says that they are.
func (t *Tables) places(ctx context.Context) ([]*relocation, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT tenant, project, namespace, name, "+pointerColumns+" FROM lake_table ORDER BY tenant, project, namespace, name")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var out []*relocation
	for rows.Next() {
		m := &relocation{t: t, done: map[string]string{}, lengths: map[string]int64{}}
		m.old, err = scanPointer(rows.Scan, &m.scope.Tenant, &m.scope.Project, &m.name.Namespace, &m.name.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// place finds where the table's folder is now: at the same names below the warehouse.
func (m *relocation) place() error {
	m.plain = !strings.Contains(m.old.location, "%") // a path with a % is written with escapes
	m.from = m.local(m.old.location)
	parts := strings.Split(m.from, "/")
	if n := len(parts); n > 4 && parts[n-4] == string(m.scope.Tenant) && parts[n-3] == string(m.scope.Project) {
		m.to = filepath.Join(append([]string{m.t.warehouse}, parts[n-4:]...)...)
		return nil
	}
	return forge.Errorf(forge.KindUnavailable, nil, "table %s of project %s has its files at %s, which is outside of the warehouse %s: start forge with the data folder that the table was made in", m.name, m.scope, m.old.location, m.t.warehouse)
}

// local is the path that an old address means, whichever way a client has written it.
func (m *relocation) local(uri string) string {
	p, ok := strings.CutPrefix(uri, "file:")
	if ok {
		p = "/" + strings.TrimLeft(p, "/")
	}
	if ok && !m.plain {
		if plain, err := url.PathUnescape(p); err == nil {
			p = plain
		}
	}
	return p
}

// moved translates an address below the table's folder and leaves others as they are.
func (m *relocation) moved(uri string) string {
	if rest, ok := strings.CutPrefix(m.local(uri), m.from+"/"); ok {
		return m.t.uri(path.Join(m.to, rest))
	}
	if m.local(uri) == m.from {
		return m.t.uri(m.to)
	}
	return uri
}

// rewrite writes the current metadata file, and every manifest list and manifest that
// it names, with the new addresses and under new names.
func (m *relocation) rewrite() error {
	b, err := m.read(m.old.metadata)
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s of project %s: its files are not in %s; put the folder lake of the data folder back, or restore a backup", m.name, m.scope, m.to)
	}
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber() // snapshot ids have more digits than a float
	if err := dec.Decode(&doc); err != nil {
		return fmt.Errorf("metadata of table %s: %w", m.name, err)
	}
	if err := m.snapshots(doc); err != nil {
		return fmt.Errorf("table %s: %w", m.name, err)
	}
	m.addresses(doc)
	if b, err = json.Marshal(doc); err != nil {
		return err
	}
	m.metadata = m.t.uri(filepath.Join(m.to, "metadata", fmt.Sprintf("%05d-%s.metadata.json", version(m.old.metadata), uuid.New())))
	return errors.Join(m.write(m.metadata, b), m.t.fs.settle(m.to))
}

// addresses translates what the document itself names.
func (m *relocation) addresses(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && (k == "location" || k == "metadata-file" || k == "statistics-path" || k == "write.data.path" || k == "write.metadata.path" || k == "write.object-storage.path") {
				v[k] = m.moved(s)
			} else {
				m.addresses(x)
			}
		}
	case []any:
		for _, x := range v {
			m.addresses(x)
		}
	}
}

func (m *relocation) snapshots(doc map[string]any) error {
	all, _ := doc["snapshots"].([]any)
	for _, one := range all {
		s, _ := one.(map[string]any)
		if list, ok := s["manifest-list"].(string); ok {
			to, err := m.list(list)
			if err != nil {
				return err
			}
			s["manifest-list"] = to
		}
		direct, _ := s["manifests"].([]any) // of format version 1
		for i, d := range direct {
			uri, _ := d.(string)
			to, err := m.manifest(uri)
			if err != nil {
				return err
			}
			direct[i] = to
		}
	}
	return nil
}

// list rewrites a manifest list and the manifests in it.
func (m *relocation) list(uri string) (string, error) {
	return m.avro(uri, func(entry map[string]any) error {
		old, _ := entry["manifest_path"].(string)
		to, err := m.manifest(old)
		entry["manifest_path"] = to
		if n, ok := m.lengths[to]; ok {
			entry["manifest_length"] = n
		}
		return err
	})
}

// manifest rewrites a manifest, once for all lists that name it.
func (m *relocation) manifest(uri string) (string, error) {
	if to, ok := m.done[uri]; ok {
		return to, nil
	}
	to, err := m.avro(uri, func(entry map[string]any) error {
		file, _ := entry["data_file"].(map[string]any)
		for _, key := range []string{"file_path", "referenced_data_file"} {
			if s, ok := file[key].(string); ok {
				file[key] = m.moved(s)
			}
		}
		return nil
	})
	m.done[uri] = to
	return to, err
}

// avro writes a file again under a new name in the same folder, with every record
// changed by f.
func (m *relocation) avro(uri string, f func(map[string]any) error) (string, error) {
	raw, err := m.read(uri)
	if err != nil {
		return "", err
	}
	out, err := rewriteAvro(raw, f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(uri), err)
	}
	to := filepath.Join(filepath.Dir(m.path(uri)), renamed(filepath.Base(uri)))
	m.lengths[m.t.uri(to)] = int64(len(out))
	m.replaced = append(m.replaced, m.path(uri))
	return m.t.uri(to), m.write(m.t.uri(to), out)
}

// renamed gives a file another id and keeps the rest of its name, by which people and
// Sweep know what it is.
func renamed(base string) string {
	stem := strings.TrimSuffix(base, ".avro")
	if snap, ok := strings.CutPrefix(stem, "snap-"); ok {
		number, _, _ := strings.Cut(snap, "-")
		return fmt.Sprintf("snap-%s-0-%s.avro", number, uuid.New())
	}
	last := stem[strings.LastIndexByte(stem, '-')+1:]
	if !strings.HasPrefix(last, "m") || len(last) > 4 {
		last = "m0"
	}
	return fmt.Sprintf("%s-%s.avro", uuid.New(), last)
}

// path is where a file of an old address is now.
func (m *relocation) path(uri string) string { return m.t.path(m.moved(uri)) }

func (m *relocation) read(uri string) ([]byte, error) {
	f, err := m.t.fs.Open(m.moved(uri))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(f)
}

func (m *relocation) write(uri string, b []byte) error {
	m.made = append(m.made, uri)
	return m.t.fs.WriteFile(uri, b)
}

// point moves the row to the new place.
func (m *relocation) point(ctx context.Context, tx *sql.Tx) error {
	res, err := tx.ExecContext(ctx, "UPDATE lake_table SET location = $1, metadata_location = $2 WHERE tenant = $3 AND project = $4 AND namespace = $5 AND name = $6 AND metadata_location = $7",
		m.t.uri(m.to), m.metadata, m.scope.Tenant, m.scope.Project, m.name.Namespace, m.name.Name, m.old.metadata)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, forge.Errorf(forge.KindConflict, nil, "table %s was changed while its folder was being found: does another forge use this metadata store?", m.name))
	}
	return nil
}

// notes moves what is remembered of the table's snapshots and of files to be removed.
func (m *relocation) notes(ctx context.Context, tx *sql.Tx) error {
	to := m.t.uri(m.to)
	_, err := tx.ExecContext(ctx, "UPDATE lake_reader SET location = $1 WHERE tenant = $2 AND project = $3 AND location = $4", to, m.scope.Tenant, m.scope.Project, m.old.location)
	if err != nil {
		return err
	}
	all, err := listGarbage(ctx, tx, ofTable, m.scope.Tenant, m.scope.Project, m.old.location)
	if err != nil {
		return err
	}
	for _, g := range all {
		_, err := tx.ExecContext(ctx, "UPDATE lake_garbage SET location = $1, file = $2 WHERE tenant = $3 AND project = $4 AND location = $5 AND file = $6",
			to, m.moved(g.file), g.scope.Tenant, g.scope.Project, g.location, g.file)
		if err != nil {
			return err
		}
	}
	return nil
}

// dropForeign forgets files to be removed that are not below this warehouse: they are
// those of the folder that this one was copied from, and that one's to remove.
func (t *Tables) dropForeign(ctx context.Context, tx *sql.Tx) error {
	all, err := listGarbage(ctx, tx, "")
	if err != nil {
		return err
	}
	for _, g := range all {
		if strings.HasPrefix(t.path(g.file), t.warehouse+string(filepath.Separator)) {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM lake_garbage WHERE tenant = $1 AND project = $2 AND location = $3 AND file = $4", g.scope.Tenant, g.scope.Project, g.location, g.file); err != nil {
			return err
		}
	}
	return nil
}

func (m *relocation) undo() (err error) {
	for _, uri := range m.made {
		err = errors.Join(err, m.t.fs.Remove(uri))
	}
	return err
}

// tidy removes what has been written anew. What stays is found by Sweep.
func (m *relocation) tidy() {
	for _, p := range append(m.replaced, m.path(m.old.metadata)) {
		if err := m.t.fs.Remove(m.t.uri(p)); err != nil {
			m.t.cfg.Log.Warn("a metadata file with an old address stays", "err", err)
		}
	}
}
