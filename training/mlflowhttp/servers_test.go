//go:build servers

package mlflowhttp_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

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
