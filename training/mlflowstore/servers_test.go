//go:build servers

package mlflowstore_test

import (
	"net/url"
	"os"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// postgres opens an empty schema of the test's own: others use the server too.
func postgres(t *testing.T) *sqldb.DB {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set")
	}
	top, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { top.Close() })
	name := forge.NewID("mlflow")
	if _, err := top.Exec(`CREATE SCHEMA ` + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := top.Exec(`DROP SCHEMA ` + name + ` CASCADE`); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	db, err := sqldb.Open(t.Context(), u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestSearchesOnPostgres(t *testing.T) { searches(t, postgres(t)) }
