package iceberg

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// home is the folder of all of a project's tables.
func (t *Tables) home(scope forge.Scope) string {
	return filepath.Join(t.warehouse, string(scope.Tenant), string(scope.Project))
}

// freshFolder is where a new table goes: NAMESPACE/NAME, or beside it when that folder
// still has the files of a table that was renamed or dropped without them.
func (t *Tables) freshFolder(ctx context.Context, scope forge.Scope, name forge.TableName) (string, error) {
	if err := lake.CheckNewTable(name); err != nil {
		return "", err
	}
	dir := filepath.Join(t.home(scope), name.Namespace, name.Name)
	if !t.fs.unique() {
		if taken, err := t.taken(ctx, scope, dir); err != nil || !taken {
			return dir, err
		}
	}
	var b [4]byte
	_, _ = rand.Read(b[:])
	return dir + "-" + hex.EncodeToString(b[:]), nil
}

// taken reports whether a folder belongs to a table, present or past.
func (t *Tables) taken(ctx context.Context, scope forge.Scope, dir string) (bool, error) {
	if old, err := filepath.Glob(filepath.Join(globQuote(dir), "metadata", "*.metadata.json")); err != nil || len(old) > 0 {
		return true, err
	}
	_, ps, err := t.pointers(ctx, scope)
	if err != nil {
		return false, err
	}
	for _, p := range ps {
		if t.path(p.location) == dir {
			return true, nil
		}
	}
	return false, nil
}

var besides = regexp.MustCompile(`^(-[0-9a-f]{8})?$`)

// mayBeAt reports whether a table may have its folder at dir: where freshFolder puts it
// and nowhere else, so that no folder lies in another.
func (t *Tables) mayBeAt(scope forge.Scope, name forge.TableName, dir string) bool {
	plain := filepath.Join(t.home(scope), name.Namespace, name.Name)
	return len(dir) >= len(plain) && dir[:len(plain)] == plain && besides.MatchString(dir[len(plain):])
}

// makeFolder makes a table's folders; other clients expect both before they write.
func makeFolder(name forge.TableName, dir string) error {
	for _, d := range []string{"data", "metadata"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return forge.Errorf(forge.KindUnavailable, err, "table %s: its folder cannot be written", name)
		}
	}
	return nil
}
