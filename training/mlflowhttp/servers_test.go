//go:build servers

package mlflowhttp_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

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

func TestOperationsOnPostgres(t *testing.T) {
	for name, test := range operations() {
		t.Run(name, func(t *testing.T) { test(t, openOn(t, postgres(t))) })
	}
}

// TestClientServer drives MLflow's own client, unmodified, through everything users do
// with it. FORGE_TEST_MLFLOW is a Python that has it.
func TestClientServer(t *testing.T) {
	python := os.Getenv("FORGE_TEST_MLFLOW")
	if python == "" {
		t.Fatal("FORGE_TEST_MLFLOW is not set: the path of a Python with mlflow-skinny; deploy/test-servers.sh makes one")
	}
	s := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "testdata/client.py", s.pack, "run_1")
	cmd.Env = append(os.Environ(), "MLFLOW_TRACKING_URI="+s.url+"/mlflow", "MLFLOW_TRACKING_TOKEN="+editor, "MLFLOW_DISABLE_TELEMETRY=true", "GIT_PYTHON_REFRESH=quiet", "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
