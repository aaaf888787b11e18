// Package mlflowhttp speaks MLflow's REST API under /mlflow, so that MLflow's own
// clients track runs, keep artifacts and register models here: the tracking URI is
// http://HOST:PORT/mlflow and MLFLOW_TRACKING_TOKEN is a token of forge.
//
// Runs that clients log are kept in mlflowstore. The registry is forge's own: what is
// registered here is a version there, and forge's runs and versions are seen here. A
// model whose artifacts are a model package (see internal/modelpkg) is verified and can
// be served; any other is kept and never loaded, let alone unpickled.
package mlflowhttp

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowstore"
)

// Root is where the API begins: what clients call the tracking URI.
const Root = "/mlflow"

// Version is the version of MLflow whose API this is.
const Version = "3.17.2"

// Runs gives forge's own runs, as the trainer knows them.
type Runs interface {
	Run(ctx context.Context, id string) (training.Run, error)
}

// States lists forge's own runs with their states.
type States interface {
	States(ctx context.Context, scope forge.Scope) (map[string]string, error)
}

// Config is what the API works with.
type Config struct {
	Dir         string // the data folder: artifacts go to mlflow/, packages to models/
	Store       *mlflowstore.Store
	Registry    training.Registry
	Runs        Runs
	States      States
	Verifier    training.Verifier // nil: no model registered here can become ready
	Log         *slog.Logger      // nil discards
	MaxArtifact int64             // bytes of one file; 0: 5 GiB
}

type api struct {
	Config
	files files
}

// Register adds the operations.
func Register(s *httpapi.Server, cfg Config) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxArtifact == 0 {
		cfg.MaxArtifact = 5 << 30
	}
	a := &api{Config: cfg, files: files{dir: filepath.Join(cfg.Dir, "mlflow"), most: cfg.MaxArtifact}}
	a.registerServer(s)
	a.registerExperiments(s)
	a.registerRuns(s)
	a.registerLogged(s)
	a.registerModels(s)
	a.registerVersions(s)
	a.registerArtifacts(s)
}

// registerServer adds what clients ask about the server itself. Paths that are not part
// of this API answer in its own shape too: clients fall back by that answer.
func (a *api) registerServer(s *httpapi.Server) {
	text := func(id, path, answer string) {
		s.HandleRaw(httpapi.Op{ID: id, Method: http.MethodGet, Path: Root + path, Summary: "MLflow: " + path[1:], Tag: "mlflow", Perm: forge.PermPublic, Quiet: true},
			func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				_, err := w.Write([]byte(answer))
				return err
			})
	}
	text("mlflow-health", "/health", "OK")
	text("mlflow-version", "/version", Version)
	s.HandleRaw(httpapi.Op{ID: "mlflow-server-info", Method: http.MethodGet, Path: Root + "/api/3.0/mlflow/server-info", Summary: "MLflow: what the server can do", Tag: "mlflow", Perm: forge.PermPublic, Quiet: true},
		func(w http.ResponseWriter, _ *http.Request) error {
			return write(w, map[string]any{"store_type": "forge", "workspaces_enabled": false, "trace_archival_enabled": false, "multipart_uploads_enabled": false, "multipart_downloads_enabled": false})
		})
	s.Router.HandleFunc(Root+"/*", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, coded(http.StatusNotFound, "ENDPOINT_NOT_FOUND", r.Method+" "+r.URL.Path+" is not part of MLflow's API as forge has it"))
	})
}
