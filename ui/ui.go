// Package ui carries the studio's built pages in the binary. The pages are built
// by npm from web/ into web/dist/app, which git ignores; without a build the handler
// shows web/dist/placeholder.html, so that Go alone compiles and serves everything.
package ui

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:web/dist
var dist embed.FS

// page is one file, ready to be sent.
type page struct {
	plain, zipped []byte // zipped is nil where it would not be smaller
	mime          string
	hashed        bool // the name holds a hash of the content: may be kept for ever
}

// Built reports whether the binary carries the studio, not only the placeholder.
func Built() bool {
	_, err := fs.Stat(dist, "web/dist/app/index.html")
	return err == nil
}

var pages = sync.OnceValues(func() (map[string]page, page) { return load(dist) })

// Handler serves the studio: files by their path, and the start page for every
// other path, since the studio routes in the browser. It answers GET and HEAD only
// and knows nothing below the paths of the API. The files are compressed once, at
// the first call.
func Handler() http.Handler {
	files, index := pages()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if p, ok := files[name]; ok {
			p.serve(w, r)
			return
		}
		if !IsPage(r) {
			http.NotFound(w, r)
			return
		}
		index.serve(w, r)
	})
}

// machine lists the first path parts that belong to programs, never to the studio.
var machine = map[string]bool{
	"api": true, "v1": true, "v2": true, "iceberg": true, "mlflow": true,
	"metrics": true, "healthz": true, "readyz": true, "get-online-features": true,
}

// IsPage reports whether a request may be answered with a page of the studio: a GET
// of a path that is neither a program's nor names a file (a missing script must be
// a 404, not a page).
func IsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	first, _, _ := strings.Cut(name, "/")
	return !machine[first] && first != "assets"
}

func load(files fs.FS) (map[string]page, page) {
	app, err := fs.Sub(files, "web/dist/app")
	if err == nil {
		_, err = fs.Stat(app, "index.html")
	}
	if err != nil {
		text, _ := fs.ReadFile(files, "web/dist/placeholder.html")
		return nil, newPage("index.html", text)
	}
	out := map[string]page{}
	_ = fs.WalkDir(app, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(app, name)
		if err == nil {
			out[name] = newPage(name, text)
		}
		return err
	})
	index := out["index.html"]
	delete(out, "index.html")
	return out, index
}

func newPage(name string, text []byte) page {
	p := page{plain: text, mime: mimeOf(name), hashed: strings.HasPrefix(name, "assets/")}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = z.Write(text)                                  // a Buffer never fails
	_ = z.Close()
	if b.Len() < len(text)*9/10 {
		p.zipped = b.Bytes()
	}
	return p
}

// mimeOf does not trust the machine's own table for the types that matter: with
// nosniff a script of a wrong type is refused.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func (p page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.mime)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if p.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := p.plain
	if p.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = p.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
