package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

// Everything that is kept says whose it is.

func TestEveryTableOfTheStoreHasTenantAndProject(t *testing.T) {
	f := shared(t)
	if n := sqldbtest.Scoped(t, f.app.db); n < 20 {
		t.Errorf("only %d tables were seen", n)
	}
}

func TestEveryTopicTableAndKeyHasTenantAndProject(t *testing.T) {
	w := watchedFor(t)
	ctx, scope := context.Background(), firstProject.Scope
	topics, err := w.app.ingest.log.Topics(ctx, "")
	if err != nil || len(topics) < 2 {
		t.Fatalf("%v, %v", topics, err)
	}
	for _, topic := range topics {
		parts := append(strings.SplitN(topic, ".", 4), "", "", "") // forge, tenant, project, what
		var known int
		err := w.app.db.QueryRowContext(ctx, `SELECT count(*) FROM project WHERE tenant = $1 AND project = $2`, parts[1], parts[2]).Scan(&known)
		if err != nil || parts[3] == "" || parts[0] != "forge" || known != 1 {
			t.Errorf("topic %s does not say whose it is", topic)
		}
	}
	tables, err := w.app.house.Tables.List(ctx, scope)
	if err != nil || len(tables) < 5 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		if !strings.Contains(table.Location, filepath.Join("lake", string(scope.Tenant), string(scope.Project), table.Name.Namespace)) {
			t.Errorf("table %s lies in %s", table.Name, table.Location)
		}
	}
	for _, kept := range []string{"lake", "models", "runs", "uploads"} {
		w.tenantsOnly(t, kept)
	}
}

// tenantsOnly checks that a folder of the data folder begins with tenants; dropped
// folders lie under a dot until they are removed.
func (f *forged) tenantsOnly(t *testing.T, kept string) {
	t.Helper()
	entries, err := os.ReadDir(f.app.cfg.path(kept))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != string(firstProject.Scope.Tenant) && e.Name() != ".dropped" {
			t.Errorf("%s holds %s, which is no tenant", kept, e.Name())
		}
	}
}

func merged(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}
