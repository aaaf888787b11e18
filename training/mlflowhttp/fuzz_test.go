package mlflowhttp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/training/mlflowhttp"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/store"
)

// FuzzRequest: whatever a client sends, the answer is a JSON object, and never a fault
// of the server's own.
func FuzzRequest(f *testing.F) {
	db := jobstest.SQLite(f)()
	reg, err := store.Open(f.Context(), db)
	if err != nil {
		f.Fatal(err)
	}
	ml, err := mlflowstore.Open(f.Context(), db, nil)
	if err != nil {
		f.Fatal(err)
	}
	api := httpapi.New(gate{}, "test", nil)
	mlflowhttp.Register(api, mlflowhttp.Config{Dir: filepath.Join(f.TempDir(), "d"), Store: ml, Registry: reg, Runs: trainer{reg}, States: reg, MaxArtifact: 1 << 20})
	paths := []struct{ method, path string }{
		{"POST", "experiments/create"}, {"POST", "experiments/search"}, {"POST", "runs/create"}, {"POST", "runs/search"}, {"POST", "runs/log-batch"}, {"POST", "runs/log-metric"}, {"POST", "runs/log-inputs"}, {"POST", "runs/update"},
		{"POST", "logged-models"}, {"POST", "logged-models/search"}, {"POST", "registered-models/create"}, {"POST", "model-versions/create"}, {"POST", "registered-models/alias"}, {"POST", "model-versions/transition-stage"}, {"PATCH", "registered-models/update"},
	}
	for i := range paths {
		f.Add(uint8(i), []byte(`{"experiment_id": "0", "name": "a", "run_id": "x", "metrics": [{"key": "m", "value": "NaN", "timestamp": "1"}], "filter": "name = 'a'", "source": "runs:/x/y", "version": "1", "alias": "a", "status": 3, "max_results": "5", "order_by": ["name"]}`))
		f.Add(uint8(i), []byte(`{"name": null, "tags": [{"key": "\u0001"}], "experiment_ids": 5, "value": -1e400, "max_results": true}`))
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		p := paths[int(n)%len(paths)]
		r := httptest.NewRequestWithContext(t.Context(), p.method, "/mlflow"+api2+p.path, bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+editor)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s %q: %d %s", p.method, p.path, body, w.Code, w.Body)
		}
	})
}
