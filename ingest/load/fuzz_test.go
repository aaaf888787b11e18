package load_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/lake/laketest"
)

// FuzzParts sends a file in parts that may lie anywhere, overlap and be too long, two
// bytes of moves each: where the part is said to begin and how long it is. What was
// taken is always the file's beginning, a refusal names the offset to go on from, and
// the right part is always taken.
func FuzzParts(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), []byte{0, 3, 3, 5})
	f.Add([]byte("a,b\n1,2\n"), []byte{3, 3, 0, 200, 0, 0, 0, 8, 8, 1})
	f.Add([]byte{0}, []byte{1, 1, 255, 255})
	st, err := store.Open(f.Context(), laketest.DB(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	loads, err := load.New(f.Context(), load.Config{Dir: dir, Store: st})
	if err != nil {
		f.Fatal(err)
	}
	scope := forge.Scope{Tenant: "t1", Project: "p1"}
	f.Fuzz(func(t *testing.T, file, moves []byte) {
		if len(file) == 0 || len(file) > 200 {
			return
		}
		ctx := t.Context()
		u, err := loads.Create(ctx, scope, "f.csv", int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		have := 0
		for ; len(moves) > 1; moves = moves[2:] {
			at, n := int(moves[0]), int(moves[1])
			part := bytes.Repeat([]byte{'?'}, n) // what is not the file's
			if at < len(file) {
				copy(part, file[at:])
			}
			got, err := loads.Write(ctx, scope, u.ID, int64(at), bytes.NewReader(part))
			right := at == have && at+n <= len(file)
			switch {
			case right != (err == nil):
				t.Fatalf("part %d+%d at %d of %d: %v", at, n, have, len(file), err)
			case right:
				have += n
			case !errors.Is(err, forge.ErrConflict) && !errors.Is(err, forge.ErrInvalid):
				t.Errorf("part %d+%d: %v", at, n, err)
			}
			if got.Offset != int64(have) {
				t.Fatalf("part %d+%d: offset %d, have %d", at, n, got.Offset, have)
			}
		}
		kept, err := filepath.Glob(filepath.Join(dir, "*", "*", u.ID))
		if err != nil || len(kept) != 1 {
			t.Fatalf("%v, %v", kept, err)
		}
		if b, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(b, file[:have]) {
			t.Errorf("the file is %q, want %q: %v", b, file[:have], err)
		}
		if err := loads.Delete(ctx, scope, u.ID); err != nil {
			t.Error(err)
		}
	})
}

// FuzzUploadName: no name that a client gives leads out of the folder of uploads, and no
// id that was not given out is one.
func FuzzUploadName(f *testing.F) {
	for _, s := range []string{"calls.csv", "../../x", "a\x00b", "", "/etc/passwd", strings.Repeat("ü", 500), "u_1/../u_2"} {
		f.Add(s, s)
	}
	st, err := store.Open(f.Context(), laketest.DB(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	loads, err := load.New(f.Context(), load.Config{Dir: filepath.Join(dir, "uploads"), Store: st})
	if err != nil {
		f.Fatal(err)
	}
	scope := forge.Scope{Tenant: "t1", Project: "p1"}
	f.Fuzz(func(t *testing.T, name, id string) {
		if _, err := loads.State(t.Context(), scope, id); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("upload %q: %v", id, err)
		}
		if _, err := loads.Write(t.Context(), scope, id, 0, strings.NewReader("x")); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("part of upload %q: %v", id, err)
		}
		if err := loads.Delete(t.Context(), scope, id); err != nil && !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("deleting upload %q: %v", id, err)
		}
		u, err := loads.Create(t.Context(), scope, name, 1)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Errorf("%q: %v", name, err)
			}
			return
		}
		if err := loads.Delete(t.Context(), scope, u.ID); err != nil {
			t.Error(err)
		}
		if around, err := os.ReadDir(dir); err != nil || len(around) != 1 {
			t.Errorf("%q left %v beside the uploads", name, around)
		}
	})
}
