package mlflowhttp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge"
)

// files keeps artifacts below dir/TENANT/PROJECT. Every access goes through os.Root, so
// that neither a path nor a link leads out of the project's folder.
type files struct {
	dir  string
	most int64 // bytes of one file
}

// file is one entry of a listing; Path is relative to what was listed.
type file struct {
	Path string `json:"path"`
	Dir  bool   `json:"is_dir"`
	Size int64  `json:"file_size,omitempty"`
}

// clean checks a path of artifacts and gives it without the slash at its end.
func clean(p string) (string, error) {
	p = strings.TrimSuffix(p, "/")
	if p == "" {
		return ".", nil
	}
	if len(p) > 2000 || !utf8.ValidString(p) || strings.ContainsAny(p, "\x00\\") || !fs.ValidPath(p) || path.Clean(p) != p {
		return "", invalid("artifact path %.100q: want names joined by /, without . and .. among them", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > 250 || strings.HasPrefix(name, spool) {
			return "", invalid("artifact path %.100q: a name in it is too long or kept for the server", p)
		}
	}
	return p, nil
}

// spool begins the names of files that are still being written.
const spool = ".forge-"

func (f files) place(scope forge.Scope) (string, error) {
	if !scope.Valid() {
		return "", forge.Errorf(forge.KindDenied, nil, "no project: artifacts belong to one")
	}
	return filepath.Join(f.dir, string(scope.Tenant), string(scope.Project)), nil
}

// root opens the project's folder; make says to create it.
func (f files) root(scope forge.Scope, make bool) (*os.Root, error) {
	dir, err := f.place(scope)
	if err != nil {
		return nil, err
	}
	if make {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "the folder of artifacts cannot be written")
		}
	}
	return os.OpenRoot(dir)
}

// put stores a file; what was there under its name is replaced as a whole, at once.
func (f files) put(scope forge.Scope, p string, body io.Reader) error {
	root, err := f.root(scope, true)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(p), 0o700); err != nil {
		return inTheWay(p, err)
	}
	temp := spool + forge.NewID("up")[3:]
	if err := f.spool(root, temp, body); err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	if err := root.Rename(temp, p); err != nil {
		return errors.Join(inTheWay(p, err), root.Remove(temp))
	}
	return nil
}

func inTheWay(p string, err error) error {
	return forge.Errorf(forge.KindInvalid, err, "artifact %q cannot be stored: a file is where it needs a folder, or a folder where it would be", p)
}

func (f files) spool(root *os.Root, name string, body io.Reader) error {
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(body, f.most+1))
	if err == nil && n > f.most {
		err = tooLong(f.most)
	}
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return tooLong(f.most)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return forge.Errorf(forge.KindInvalid, err, "the upload broke off: send it again")
	}
	return err
}

func tooLong(most int64) error {
	return coded(http.StatusRequestEntityTooLarge, "INVALID_PARAMETER_VALUE", fmt.Sprintf("an artifact has at most %d bytes: split it, or let the experiment keep its artifacts in an object store", most))
}

// open opens a file for reading; the caller closes it.
func openFile(root *os.Root, p string) (*os.File, error) {
	in, err := root.Open(p)
	if err != nil {
		return nil, gone(p, err)
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = invalid("artifact %q is a folder: list it, and ask for its files", p)
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func gone(p string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return forge.Errorf(forge.KindNotFound, err, "artifact %q does not exist", p)
	}
	return forge.Errorf(forge.KindInvalid, err, "artifact %q cannot be read", p)
}

// listing names what is in a folder. A file gives itself, as MLflow's own server does;
// what is not there gives nothing.
func listing(root *os.Root, p string) ([]file, error) {
	info, err := root.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return []file{}, nil
	}
	if err != nil {
		return nil, gone(p, err)
	}
	if !info.IsDir() {
		return []file{{Path: path.Base(p), Size: info.Size()}}, nil
	}
	entries, err := fs.ReadDir(root.FS(), p)
	if err != nil {
		return nil, gone(p, err)
	}
	out := []file{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || strings.HasPrefix(e.Name(), spool) || !e.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		out = append(out, file{Path: e.Name(), Dir: e.IsDir(), Size: sizeOf(info)})
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func sizeOf(info fs.FileInfo) int64 {
	if info.IsDir() {
		return 0
	}
	return info.Size()
}

// remove deletes a file or a folder with all that is in it.
func (f files) remove(scope forge.Scope, p string) error {
	root, err := f.root(scope, true)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat(p); err != nil {
		return gone(p, err)
	}
	return root.RemoveAll(p)
}
