package audit_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"aiforge.dev/forge/catalog/audit"
)

// TestCopy: copies that are made while entries come in are whole logs of their moment,
// and go on by themselves.
func TestCopy(t *testing.T) {
	l := open(t, t.TempDir(), 2048) // many segments
	fill(t, l, 5)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					if _, err := l.Append(t.Context(), entry(demo, i)); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 30 {
		before, dir := l.Head(), filepath.Join(t.TempDir(), "copy")
		must(t, l.Copy(dir))
		after := l.Head()
		dup := open(t, dir, 2048)
		if v := verify(t, dup); !v.OK || v.Entries < before || v.Entries > after {
			t.Errorf("the copy: %+v, want %d to %d", v, before, after)
		}
		fill(t, dup, 20)
		if v := verify(t, dup); !v.OK {
			t.Errorf("the copy, gone on: %+v", v)
		}
		must(t, dup.Close())
	}
	close(stop)
	wg.Wait()
}

// TestCopyKeepsEvidence: what is wrong with a log is not mended by copying it.
func TestCopyKeepsEvidence(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	fill(t, l, 9)
	must(t, l.Close())
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, os.Truncate(files[0], 100)) // entries at the end are gone
	l, err := audit.Open(dir, key, audit.Config{})
	must(t, err)
	to := filepath.Join(t.TempDir(), "copy")
	must(t, l.Copy(to))
	must(t, l.Close())
	if v := verify(t, open(t, to, 0)); v.OK {
		t.Errorf("the copy of a cut log: %+v", v)
	}
}
