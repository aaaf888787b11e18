package icebergrest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"github.com/apache/iceberg-go/table"
	"github.com/go-chi/chi/v5"
)

// levels is a namespace as the protocol knows it. Ours have one level.
type levels []string

func (l levels) String() string { return strings.Join(l, ".") }

// identifier names a table.
type identifier struct {
	Namespace levels `json:"namespace"`
	Name      string `json:"name"`
}

func (id identifier) String() string { return id.Namespace.String() + "." + id.Name }

func (id identifier) ident() table.Identifier { return table.Identifier{id.Namespace[0], id.Name} }

func identOf(n forge.TableName) identifier { return identifier{levels{n.Namespace}, n.Name} }

// valid reports whether a namespace can exist here.
func (l levels) valid() bool { return len(l) == 1 && forge.Ident("namespace", l[0]) == nil }

// check says why a namespace cannot be made.
func (l levels) check() error {
	if len(l) != 1 {
		return bad("namespace %q has %d levels: namespaces here have one, such as [\"raw\"]", l.String(), len(l))
	}
	return forge.Ident("namespace", l[0])
}

// valid reports whether a table of this name can exist here. One that cannot is not
// there: clients ask for raw.calls.snapshots to find out what it is.
func (id identifier) valid() bool {
	return id.Namespace.valid() && forge.Ident("table", id.Name) == nil
}

// check says why a table cannot be made under this name.
func (id identifier) check() error {
	if err := id.Namespace.check(); err != nil {
		return err
	}
	return forge.Ident("table", id.Name)
}

const separator = "\x1f" // between the levels of a namespace in a path

// namespaceOf reads the namespace in the path.
func namespaceOf(r *http.Request) levels { return strings.Split(param(r, "namespace"), separator) }

// tableOf reads the table in the path.
func tableOf(r *http.Request) identifier { return identifier{namespaceOf(r), param(r, "table")} }

// param reads a part of the path; the router leaves it escaped when the path was sent
// with unusual escapes.
func param(r *http.Request, name string) string {
	v := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return v
	}
	if u, err := url.PathUnescape(v); err == nil {
		return u
	}
	return v
}

// decode reads a JSON body.
func decode(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return forge.Errorf(forge.KindInvalid, err, "the request is too long")
		}
		return forge.Errorf(forge.KindInvalid, err, "the request ended early")
	}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return bad("Malformed request: want a JSON object")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "Malformed request: %s", err)
	}
	return nil
}

// page cuts the part of a sorted list that a request asks for. Without pageToken it is
// the whole list, as the specification says. A token is the last key that was given.
func page[T any](r *http.Request, all []T, key func(T) string) (part []T, next *string, err error) {
	q := r.URL.Query()
	if !q.Has("pageToken") {
		return all, nil, nil
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("pageToken"))
	if err != nil {
		return nil, nil, bad("pageToken %q is not one that was given out", q.Get("pageToken"))
	}
	size := 100
	if text := q.Get("pageSize"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			return nil, nil, bad("pageSize %q: want a number from 1", text)
		}
	}
	from := 0
	if len(after) > 0 {
		from, _ = slices.BinarySearchFunc(all, string(after)+"\x00", func(item T, k string) int { return strings.Compare(key(item), k) })
	}
	part = all[from:]
	if len(part) <= size {
		return part, nil, nil
	}
	part = part[:size]
	token := base64.RawURLEncoding.EncodeToString([]byte(key(part[size-1])))
	return part, &token, nil
}
