package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
)

var (
	key   = bytes.Repeat([]byte{3}, 32)
	demo  = forge.Scope{Tenant: "main", Project: "demo"}
	other = forge.Scope{Tenant: "main", Project: "other"}
)

func open(t *testing.T, dir string, segment int64) *audit.Log {
	t.Helper()
	l, err := audit.Open(dir, key, audit.Config{Segment: segment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func entry(scope forge.Scope, i int) audit.Entry {
	return audit.Entry{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Scope: scope, By: "Ann", Action: fmt.Sprintf("op-%d", i), Outcome: "ok"}
}

func fill(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		if _, err := l.Append(t.Context(), entry(demo, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, l *audit.Log) audit.Verdict {
	t.Helper()
	v, err := l.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestManyAtATime(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 4096) // several segments
	var wg sync.WaitGroup
	seen := make([]int64, 400)
	for i := range seen {
		wg.Go(func() {
			scope := demo
			if i%4 == 0 {
				scope = other
			}
			seq, err := l.Append(t.Context(), entry(scope, i))
			if err != nil {
				t.Error(err)
			}
			seen[i] = seq
		})
	}
	wg.Wait()
	numbers := map[int64]bool{}
	for _, s := range seen {
		numbers[s] = true
	}
	if len(numbers) != 400 || !numbers[1] || !numbers[400] {
		t.Errorf("%d different numbers for 400 entries", len(numbers))
	}
	if v := verify(t, l); !v.OK || v.Entries != 400 {
		t.Errorf("verdict %+v", v)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), entry(demo, 0)); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("append after close: %v", err)
	}
	again := open(t, dir, 4096)
	fill(t, again, 1)
	if v := verify(t, again); !v.OK || v.Entries != 401 {
		t.Errorf("after reopening: %+v", v)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	if len(files) < 2 {
		t.Errorf("%d segments; the test needs several", len(files))
	}
}

func TestList(t *testing.T) {
	l := open(t, t.TempDir(), 2048)
	for i := range 100 {
		scope := demo
		if i%2 == 1 {
			scope = other
		}
		if _, err := l.Append(t.Context(), entry(scope, i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after       int64
		limit       int
		n           int
		first, last int64
	}{{0, 10, 10, 1, 19}, {19, 5, 5, 21, 29}, {95, 10, 2, 97, 99}, {100, 10, 0, 0, 0}, {-1, 3, 3, 95, 99}, {-1, 1000, 50, 1, 99}} {
		got, err := l.List(t.Context(), demo, c.after, c.limit)
		if err != nil || len(got) != c.n {
			t.Fatalf("%+v: %d entries, %v", c, len(got), err)
		}
		if c.n > 0 && (got[0].Seq != c.first || got[len(got)-1].Seq != c.last) {
			t.Errorf("%+v: %d to %d", c, got[0].Seq, got[len(got)-1].Seq)
		}
		for _, e := range got {
			if e.Scope != demo {
				t.Errorf("%+v: an entry of %s", c, e.Scope)
			}
		}
	}
	if _, err := l.List(t.Context(), forge.Scope{}, 0, 10); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("nobody reads the log: %v", err)
	}
}

// TestTamper changes the files of a log of 40 entries in four segments as somebody who
// can write them, but has no key, might.
func TestTamper(t *testing.T) {
	lines := func(b []byte) [][]byte { return bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) }
	edit := func(n int, f func(seg []byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
			if n < 0 {
				n += len(files)
			}
			raw, err := os.ReadFile(files[n])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[n], f(raw), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	drop := func(i int) func([]byte) []byte {
		return func(b []byte) []byte {
			all := lines(b)
			if i < 0 {
				i += len(all)
			}
			return bytes.Join(append(all[:i:i], all[i+1:]...), nil)
		}
	}
	for name, c := range map[string]struct {
		change func(*testing.T, string)
		least  int64 // BrokenAt is at least this
		most   int64
	}{
		"one byte": {edit(0, func(b []byte) []byte { return bytes.Replace(b, []byte("op-3"), []byte("op-9"), 1) }), 4, 4},
		"a MAC":    {edit(0, func(b []byte) []byte { b[0] ^= 1; return b }), 1, 1},
		"swapped": {edit(1, func(b []byte) []byte {
			all := lines(b)
			all[1], all[2] = all[2], all[1]
			return bytes.Join(all, nil)
		}), 2, 40},
		"first removed":   {edit(0, drop(0)), 1, 1},
		"middle removed":  {edit(1, drop(1)), 2, 40},
		"last removed":    {edit(-1, drop(-1)), 40, 40},
		"repeated":        {edit(0, func(b []byte) []byte { return append(bytes.Clone(lines(b)[0]), b...) }), 2, 2},
		"not a line":      {edit(0, func(b []byte) []byte { return append([]byte("hello\n"), b...) }), 1, 1},
		"a file removed":  {func(t *testing.T, dir string) { remove(t, dir, 1) }, 2, 40},
		"last file gone":  {func(t *testing.T, dir string) { remove(t, dir, -1) }, 2, 40},
		"first file gone": {func(t *testing.T, dir string) { remove(t, dir, 0) }, 1, 1},
		"all files gone":  {func(t *testing.T, dir string) { remove(t, dir, 0, 0, 0, 0, 0, 0) }, 1, 1},
		"head removed":    {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "head"))) }, 41, 41},
		"head overwritten": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "head"), make([]byte, 144), 0o600))
		}, 41, 41},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, 2048)
			fill(t, l, 40)
			if v := verify(t, l); !v.OK || v.Entries != 40 {
				t.Fatalf("before: %+v", v)
			}
			must(t, l.Close())
			c.change(t, dir)
			for round := range 3 { // it stays found when the log goes on, and after another start
				l := open(t, dir, 2048)
				v := verify(t, l)
				if v.OK || v.Reason == "" || round == 0 && (v.BrokenAt < c.least || v.BrokenAt > c.most) {
					t.Fatalf("round %d: %+v, want broken at %d to %d", round, v, c.least, c.most)
				}
				fill(t, l, 30)
				if v := verify(t, l); v.OK {
					t.Fatalf("round %d, after more entries: %+v", round, v)
				}
				must(t, l.Close())
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir string, at ...int) {
	t.Helper()
	for _, i := range at {
		files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		if len(files) == 0 {
			return
		}
		if i < 0 {
			i += len(files)
		}
		must(t, os.Remove(files[i]))
	}
}

func TestEditedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	fill(t, l, 5)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, os.Truncate(files[0], 100))
	if v := verify(t, l); v.OK || v.BrokenAt != 1 {
		t.Errorf("%+v", v)
	}
}

// TestTornTail: every length to which a crash may have cut the file.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	fill(t, l, 3)
	must(t, l.Close())
	head, err := os.ReadFile(filepath.Join(dir, "head"))
	must(t, err)
	l = open(t, dir, 0)
	fill(t, l, 1) // the entry that the crash cuts, before the head was written
	must(t, l.Close())
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	whole, err := os.ReadFile(files[0])
	must(t, err)
	end := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := end; cut < len(whole); cut += 7 {
		at := t.TempDir()
		must(t, os.WriteFile(filepath.Join(at, filepath.Base(files[0])), whole[:cut], 0o600))
		must(t, os.WriteFile(filepath.Join(at, "head"), head, 0o600))
		l := open(t, at, 0)
		if l.Head() != 3 {
			t.Fatalf("cut at %d: head is %d", cut, l.Head())
		}
		fill(t, l, 2)
		if v := verify(t, l); !v.OK || v.Entries != 5 {
			t.Fatalf("cut at %d: %+v", cut, v)
		}
		must(t, l.Close())
	}
}

func TestWrongKey(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	fill(t, l, 3)
	must(t, l.Close())
	l, err := audit.Open(dir, bytes.Repeat([]byte{4}, 32), audit.Config{})
	must(t, err)
	if v := verify(t, l); v.OK {
		t.Errorf("another key finds the chain good: %+v", v)
	}
	must(t, l.Close())
}

func TestCallerGivesUp(t *testing.T) {
	l := open(t, t.TempDir(), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		_, _ = l.Append(ctx, entry(demo, 1)) // written or not, the chain stays whole
	}
	fill(t, l, 1)
	if v := verify(t, l); !v.OK {
		t.Errorf("%+v", v)
	}
}
