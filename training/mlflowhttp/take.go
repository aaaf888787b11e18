package mlflowhttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/diskio"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowstore"
)

// createVersion registers what is at a source. A model package is checked as the
// trainer's own are, and becomes ready or is refused; anything else is kept as it is.
func (a *api) createVersion(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	if _, err := a.model(ctx, scope, in.Name); err != nil {
		return nil, err
	}
	if in.Source == "" {
		return nil, invalid("version of model %s: want the source of its files", in.Name)
	}
	if err := a.origin(ctx, scope, &in); err != nil {
		return nil, err
	}
	v := training.Version{Model: in.Name}
	if p, ok := forge.PrincipalFrom(ctx); ok {
		v.By = p.Name
	}
	root, err := a.sourceRoot(ctx, scope, in.Source)
	if err != nil {
		return nil, err
	}
	if root == nil {
		v.Status, v.Reason = "refused", outside+"its files are at "+in.Source+", where forge does not read them; it cannot be served"
		v.Digest = digestOf(in.Source)
	} else {
		defer root.Close()
		if err := a.take(ctx, scope, root, &v); err != nil {
			return nil, err
		}
	}
	if v.Digest == "" {
		v.Digest = digestOf(in.Source)
	}
	if v, err = a.Registry.Register(ctx, scope, v); err != nil {
		return nil, err
	}
	said := mlflowstore.Version{Model: v.Model, Number: v.Number, Source: in.Source, Run: in.Run, Link: in.Link, Logged: in.Logged, Doc: in.Doc, Tags: in.Tags}
	if err := a.Store.PutVersion(ctx, scope, said); err != nil {
		return nil, err
	}
	return a.theVersion(ctx, scope, v.Model, v.Number)
}

// origin fills in the run and the logged model that a version comes from, where its
// source tells.
func (a *api) origin(ctx context.Context, scope forge.Scope, in *registryIn) error {
	if id, ok := loggedID(in.Source); ok && in.Logged == "" {
		in.Logged = id
	}
	if in.Run != "" || in.Logged == "" {
		return nil
	}
	m, err := a.Store.Logged(ctx, scope, in.Logged, false)
	if _, here := loggedID(in.Source); errors.Is(err, forge.ErrNotFound) && !here {
		return nil // a logged model of another server
	}
	in.Run = m.Run
	return err
}

// loggedID is the id in models:/m-….
func loggedID(source string) (string, bool) {
	id, ok := strings.CutPrefix(source, "models:/")
	return id, ok && strings.HasPrefix(id, "m-") && !strings.ContainsAny(id, "/@")
}

func digestOf(source string) string {
	sum := sha256.Sum256([]byte("source: " + source))
	return hex.EncodeToString(sum[:])
}

// sourceRoot opens the folder that a source names; nil if it is elsewhere or empty.
func (a *api) sourceRoot(ctx context.Context, scope forge.Scope, source string) (*os.Root, error) {
	uri, err := a.resolve(ctx, scope, source)
	if err != nil {
		return nil, err
	}
	p, ok := inside(uri)
	if !ok {
		if strings.HasPrefix(uri, "file:") || !strings.Contains(uri, ":") {
			return nil, invalid("source %q is a path of one machine: log the model's files to a run first, then register that", source)
		}
		return nil, nil
	}
	top, sub, err := a.find(ctx, scope, p)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	root, err := top.OpenRoot(sub)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, invalid("source %q is not a folder with a model's files", source)
	}
	return root, nil
}

// resolve turns runs:/… and models:/… into the address of files.
func (a *api) resolve(ctx context.Context, scope forge.Scope, source string) (string, error) {
	if rest, ok := strings.CutPrefix(source, "runs:/"); ok {
		id, sub, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if err := a.mirrorOne(ctx, scope, id); err != nil {
			return "", err
		}
		r, err := a.Store.Run(ctx, scope, id)
		return r.Location + "/" + sub, err
	}
	rest, ok := strings.CutPrefix(source, "models:/")
	if !ok {
		return source, nil
	}
	if id, logged := loggedID(source); logged {
		m, err := a.Store.Logged(ctx, scope, id, false)
		return m.Location, err
	}
	ref, err := training.ParseRef(rest)
	if err != nil {
		return "", err
	}
	m, err := a.model(ctx, scope, ref.Model)
	if err != nil {
		return "", err
	}
	if ref.Alias != "" {
		ref.Version = m.aliases[ref.Alias]
	}
	for _, v := range m.versions {
		if v.Number == ref.Version {
			return v.address(), nil
		}
	}
	return "", notFound("source %q names no version", source)
}

// metaFile is what MLflow's client adds to a model that it has downloaded.
const metaFile = "registered_model_meta"

// take copies a model's files to the registry's own place, so that a version stays what
// it is, and says what it is worth.
func (a *api) take(ctx context.Context, scope forge.Scope, from *os.Root, v *training.Version) error {
	models := filepath.Join(a.Dir, "models", string(scope.Tenant), string(scope.Project), v.Model)
	if err := os.MkdirAll(models, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the folder of models cannot be written")
	}
	temp, err := os.MkdirTemp(models, ".incoming-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := copyFiles(from, temp); err != nil {
		return err
	}
	digest, err := modelpkg.Digest(temp)
	if err != nil { // no files
		v.Status, v.Reason = "refused", outside+"its source holds no files; it cannot be served"
		return nil
	}
	v.Digest = digest
	if err := a.judge(ctx, temp, v); err != nil {
		return err
	}
	v.Dir = filepath.Join(models, digest)
	if _, err := os.Stat(v.Dir); err == nil {
		return nil // the same files, registered again
	}
	if err := os.Rename(temp, v.Dir); err != nil {
		return err
	}
	return diskio.SyncDir(models)
}

// judge decides on the files in dir. Only a package of forge's own layout is ever
// loaded, by the verifier; nothing is unpickled.
func (a *api) judge(ctx context.Context, dir string, v *training.Version) error {
	if !present(dir, modelpkg.ManifestFile) || !present(dir, modelpkg.ModelFile) {
		v.Status, v.Reason = "refused", outside+"its files are not a model package ("+modelpkg.ModelFile+" and "+modelpkg.ManifestFile+"), so that forge cannot check it; it can be downloaded, not served"
		return nil
	}
	err := a.verify(ctx, dir, v)
	switch kind := forge.KindOf(err); {
	case err == nil:
		v.Status = "ready"
	case kind == forge.KindUnavailable || ctx.Err() != nil:
		return err
	case kind == forge.KindInternal:
		a.Log.Warn("a model package could not be verified", "model", v.Model, "err", err)
		v.Status, v.Reason = "refused", "it could not be verified; the server's log has the cause"
	default:
		v.Status, v.Reason = "refused", err.Error()
	}
	return nil
}

func (a *api) verify(ctx context.Context, dir string, v *training.Version) error {
	m, err := modelpkg.Read(dir)
	if err != nil {
		return err
	}
	v.Task, v.Metrics, v.Set = m.Task, m.Metrics, m.TrainingSet.ID
	if err := modelpkg.VerifyChecksums(dir); err != nil {
		return err
	}
	if _, err := modelpkg.ReadExample(dir, m); err != nil {
		return err
	}
	if a.Verifier == nil {
		return forge.Errorf(forge.KindUnavailable, nil, "this server has no runtime to check models with")
	}
	return a.Verifier.Verify(ctx, dir)
}

func present(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// maxModelFiles bounds the files of one model.
const maxModelFiles = 10000

func copyFiles(from *os.Root, to string) error {
	n := 0
	return fs.WalkDir(from.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || p == metaFile || strings.HasPrefix(path.Base(p), spool) {
			return err
		}
		if n++; n > maxModelFiles {
			return invalid("the model has more than %d files", maxModelFiles)
		}
		if !d.Type().IsRegular() {
			return invalid("the model holds %s, which is not a plain file", p)
		}
		return copyFile(from, p, filepath.Join(to, filepath.FromSlash(p)))
	})
}

func copyFile(from *os.Root, p, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := from.Open(p)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
