//go:build servers

package mlflowhttp_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/store"
)

// openPostgres is a site on PostgreSQL, without anything that was stored before.
func openPostgres(t *testing.T) *site {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set")
	}
	db, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := store.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if _, err := mlflowstore.Open(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`TRUNCATE training_runs, training_models, training_versions, training_aliases, mlflow_experiments, mlflow_runs, mlflow_tags, mlflow_params, mlflow_points, mlflow_latest,
		mlflow_inputs, mlflow_logged, mlflow_logged_metrics, mlflow_models, mlflow_versions, mlflow_aliases`); err != nil {
		t.Fatal(err)
	}
	return openOn(t, db)
}

func TestOperationsOnPostgres(t *testing.T) {
	for name, test := range operations() {
		t.Run(name, func(t *testing.T) { test(t, openPostgres(t)) })
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
