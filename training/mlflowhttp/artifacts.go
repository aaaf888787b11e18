package mlflowhttp

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/go-chi/chi/v5"
)

const artifactsPath = Root + "/api/2.0/mlflow-artifacts/artifacts"

// What forge itself made is seen below forge/, read-only:
//
//	forge/models/MODEL/NUMBER/…     the package of a version
//	forge/runs/RUN/model/…          the package that a run of forge made
const forgeFolder = "forge"

func (a *api) registerArtifacts(s *httpapi.Server) {
	raw := func(id, method, path, summary string, perm forge.Permission, f func(w http.ResponseWriter, r *http.Request, scope forge.Scope) error) {
		op := httpapi.Op{ID: "mlflow-" + id, Method: method, Path: path, Summary: "MLflow: " + summary, Tag: "mlflow", Perm: perm, Quiet: perm == forge.PermRead, MaxBody: a.MaxArtifact, Refuse: refuse}
		s.HandleRaw(op, func(w http.ResponseWriter, r *http.Request) error {
			scope, err := forge.ScopeFrom(r.Context())
			if err != nil {
				return err
			}
			return f(w, r, scope)
		})
	}
	raw("list-artifacts", http.MethodGet, artifactsPath, "files in a folder", forge.PermRead, func(w http.ResponseWriter, r *http.Request, scope forge.Scope) error {
		list, err := a.list(r.Context(), scope, r.URL.Query().Get("path"))
		if err != nil {
			return err
		}
		return write(w, map[string]any{"files": list})
	})
	raw("get-artifact", http.MethodGet, artifactsPath+"/*", "one file", forge.PermRead, a.download)
	raw("put-artifact", http.MethodPut, artifactsPath+"/*", "store a file", forge.PermWrite, func(w http.ResponseWriter, r *http.Request, scope forge.Scope) error {
		p, err := own(tail(r))
		if err != nil {
			return err
		}
		if err := a.files.put(scope, p, r.Body); err != nil {
			return err
		}
		return write(w, none{})
	})
	raw("delete-artifact", http.MethodDelete, artifactsPath+"/*", "delete a file or a folder", forge.PermWrite, func(w http.ResponseWriter, r *http.Request, scope forge.Scope) error {
		p, err := own(tail(r))
		if err != nil {
			return err
		}
		if err := a.files.remove(scope, p); err != nil {
			return err
		}
		return write(w, none{})
	})
	for _, step := range []string{"create", "complete", "abort"} {
		raw("multipart-"+step, http.MethodPost, Root+"/api/2.0/mlflow-artifacts/mpu/"+step+"/*", "parts go in one request here", forge.PermWrite, func(http.ResponseWriter, *http.Request, forge.Scope) error {
			// the client looks for this sentence and then sends the file as a whole
			return coded(http.StatusNotImplemented, "NOT_IMPLEMENTED", "Multipart upload is not supported for the current artifact repository")
		})
	}
	handle(s, call{id: "list-run-artifacts", method: http.MethodGet, path: "artifacts/list", summary: "files of a run", perm: forge.PermRead}, a.listRun)
}

// tail is the decoded path after the pattern's star.
func tail(r *http.Request) string {
	t := chi.URLParam(r, "*")
	if r.URL.RawPath == "" {
		return t
	}
	if plain, err := url.PathUnescape(t); err == nil {
		return plain
	}
	return "\x00" // never a valid path
}

// own is a path that clients may write to.
func own(p string) (string, error) {
	p, err := clean(p)
	if err != nil {
		return "", err
	}
	if p == "." {
		return "", invalid("name an artifact: the folder of all artifacts is not one")
	}
	if first, _, _ := strings.Cut(p, "/"); first == forgeFolder {
		return "", coded(http.StatusForbidden, "PERMISSION_DENIED", "what is below "+forgeFolder+"/ is forge's own and read-only")
	}
	return p, nil
}

// find opens the folder that a path is in, and gives the path within it.
func (a *api) find(ctx context.Context, scope forge.Scope, p string) (*os.Root, string, error) {
	p, err := clean(p)
	if err != nil {
		return nil, "", err
	}
	first, rest, _ := strings.Cut(p, "/")
	if first == forgeFolder {
		return a.findForge(ctx, scope, rest)
	}
	root, err := a.files.root(scope, true)
	return root, p, err
}

func (a *api) findForge(ctx context.Context, scope forge.Scope, p string) (*os.Root, string, error) {
	nothing := notFound("artifact %q does not exist", forgeFolder+"/"+p)
	part := strings.SplitN(p, "/", 4)
	if len(part) < 3 {
		return nil, "", nothing
	}
	var dir string
	switch part[0] {
	case "models":
		number, err := strconv.Atoi(part[2])
		if err != nil {
			return nil, "", nothing
		}
		v, err := a.version(ctx, scope, part[1], number)
		if err != nil {
			return nil, "", err
		}
		dir = v.Dir
	case "runs":
		if part[2] != "model" {
			return nil, "", nothing
		}
		run, err := a.Runs.Run(ctx, part[1])
		if err != nil {
			return nil, "", err
		}
		if run.Version == 0 {
			return nil, "", nothing
		}
		v, err := a.version(ctx, scope, run.Spec.Model, run.Version)
		if err != nil {
			return nil, "", err
		}
		dir = v.Dir
	}
	if dir == "" {
		return nil, "", nothing
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", forge.Errorf(forge.KindUnavailable, err, "the files of %s are not on this server", forgeFolder+"/"+p)
	}
	inner := "."
	if len(part) == 4 {
		inner = part[3]
	}
	return root, inner, nil
}

// list names the files in a folder of artifacts.
func (a *api) list(ctx context.Context, scope forge.Scope, p string) ([]file, error) {
	if run, ok := strings.CutPrefix(strings.TrimSuffix(p, "/"), forgeFolder+"/runs/"); ok && !strings.Contains(run, "/") {
		r, err := a.Runs.Run(ctx, run)
		if err != nil || r.Version == 0 {
			return []file{}, err
		}
		return []file{{Path: "model", Dir: true}}, nil
	}
	root, p, err := a.find(ctx, scope, p)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return listing(root, p)
}

func (a *api) download(w http.ResponseWriter, r *http.Request, scope forge.Scope) error {
	root, p, err := a.find(r.Context(), scope, tail(r))
	if err != nil {
		return err
	}
	defer root.Close()
	in, err := openFile(root, p)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	// a page that someone stored must not run in the studio's name
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(path.Base(p)))
	http.ServeContent(w, r, "", info.ModTime(), in)
	return nil
}

type listIn struct {
	Run  string `json:"run_id"`
	UUID string `json:"run_uuid"`
	Path string `json:"path"`
}

func (a *api) listRun(ctx context.Context, scope forge.Scope, in listIn) (any, error) {
	if in.Run == "" {
		in.Run = in.UUID
	}
	if err := a.mirrorOne(ctx, scope, in.Run); err != nil {
		return nil, err
	}
	r, err := a.Store.Run(ctx, scope, in.Run)
	if err != nil {
		return nil, err
	}
	return a.listBelow(ctx, scope, r.Location, in.Path)
}

// listBelow lists a folder below a place; paths in the answer begin at that place.
func (a *api) listBelow(ctx context.Context, scope forge.Scope, place, p string) (any, error) {
	base, ok := inside(place)
	if !ok {
		return nil, invalid("the artifacts are at %s, which this server does not read: the client lists them itself", place)
	}
	p, err := clean(p)
	if err != nil {
		return nil, err
	}
	list, err := a.list(ctx, scope, strings.TrimSuffix(path.Join(base, p), "/."))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(list) == 1 && !list[0].Dir && list[0].Path == path.Base(p) && p != "." {
		list = []file{} // p is that file
	}
	for i := range list {
		list[i].Path = path.Join(p, list[i].Path)
	}
	return map[string]any{"root_uri": place, "files": some(list)}, nil
}

// inside is the path of an address that is in this server's own store of artifacts.
func inside(uri string) (string, bool) {
	for _, mark := range []string{"mlflow-artifacts:/", "/api/2.0/mlflow-artifacts/artifacts/"} {
		if strings.HasPrefix(uri, "mlflow-artifacts://") && !strings.HasPrefix(uri, "mlflow-artifacts:///") {
			return "", false // another server's
		}
		if i := strings.Index(uri, mark); i == 0 || i > 0 && (strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "https://")) {
			p := strings.TrimLeft(uri[i+len(mark):], "/")
			if c, err := clean(p); err == nil && c != "." {
				return c, true
			}
		}
	}
	return "", false
}
