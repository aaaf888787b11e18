package traininghttp

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"github.com/go-chi/chi/v5"
)

// pack streams the package of a version as .tar.gz. The same package gives the same
// bytes: no times or owners of this machine are in it.
func (a api) pack(w http.ResponseWriter, r *http.Request) error {
	number, err := strconv.Atoi(chi.URLParam(r, "n"))
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "version %q is not a number", chi.URLParam(r, "n"))
	}
	v, err := a.find(r.Context(), chi.URLParam(r, "model"), number)
	if err != nil {
		return err
	}
	if _, err := os.Stat(v.Dir); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the package of model %s/%d is not on this server", v.Model, v.Number)
	}
	name := fmt.Sprintf("%s-%d", v.Model, v.Number)
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.tar.gz"`)
	w.Header().Set("ETag", `"`+v.Digest+`"`)
	zip := gzip.NewWriter(w)
	if err := writeTar(zip, v.Dir, name, v.Created); err != nil {
		return err
	}
	return zip.Close()
}

func writeTar(w io.Writer, dir, top string, at time.Time) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return addFile(t, p, path.Join(top, filepath.ToSlash(rel)), at)
	})
	if err != nil {
		return err
	}
	return t.Close()
}

func addFile(t *tar.Writer, from, name string, at time.Time) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: at.Truncate(time.Second), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}
