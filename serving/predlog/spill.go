package predlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"

	"aiforge.dev/forge"
)

// spill is the batches' files, TENANT/PROJECT/NUMBER-SPOOL.ndjson; numbers grow. Those
// that wait for the sink are in queue.
type spill struct {
	dir    string
	spool  string // of this process
	next   int64
	queue  []spilled
	length atomic.Int64 // of queue, for those who only look
}

type spilled struct {
	scope forge.Scope
	id    BatchID
	path  string
}

const suffix = ".ndjson"

func openSpill(dir string) (*spill, error) {
	s := &spill{dir: dir, spool: forge.NewID("predictions")}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "folder %s for predictions that wait cannot be made", dir)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return s.found(path)
	})
	if err != nil {
		return nil, err
	}
	sort.SliceStable(s.queue, func(i, j int) bool { return s.queue[i].id.Number < s.queue[j].id.Number })
	s.length.Store(int64(len(s.queue)))
	return s, nil
}

// found takes a file of an earlier process and removes what is none of ours. The first
// versions gave no spool: their batches are taken for this process's.
func (s *spill) found(path string) error {
	f, ok := parse(s.dir, path)
	if !ok {
		return os.Remove(path)
	}
	if f.id.Spool == "" {
		f.id.Spool = s.spool
	}
	s.queue = append(s.queue, f)
	s.next = max(s.next, f.id.Number+1)
	return nil
}

// parse reads a file's name; ok is false where it is none of ours.
func parse(dir, path string) (f spilled, ok bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return f, false
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	name, ok := strings.CutSuffix(parts[len(parts)-1], suffix)
	number, spool, _ := strings.Cut(name, "-")
	id := BatchID{Spool: spool}
	if _, err := fmt.Sscanf(number, "%d", &id.Number); !ok || err != nil || len(parts) != 3 {
		return f, false
	}
	return spilled{forge.Scope{Tenant: forge.TenantID(parts[0]), Project: forge.ProjectID(parts[1])}, id, path}, true
}

// begin is a new batch; its file is made with its first row.
func (s *spill) begin(scope forge.Scope) *batch {
	id := BatchID{s.spool, s.next}
	s.next++
	name := fmt.Sprintf("%019d-%s%s", id.Number, id.Spool, suffix)
	return &batch{id: id, scope: scope, path: filepath.Join(s.dir, string(scope.Tenant), string(scope.Project), name)}
}

// write puts a batch on disk for good before it returns, to be handed over later.
func (s *spill) write(b *batch) error {
	if !b.scope.Valid() {
		return forge.Errorf(forge.KindInternal, nil, "prediction log: scope %q is no path", b.scope)
	}
	if err := b.store(); err != nil {
		return err
	}
	s.queue = append(s.queue, spilled{b.scope, b.id, b.path})
	s.length.Store(int64(len(s.queue)))
	return nil
}

func (s *spill) oldest() (spilled, bool) {
	if len(s.queue) == 0 {
		return spilled{}, false
	}
	return s.queue[0], true
}

// Check reads the batches that wait in dir and changes nothing: it counts them and their
// rows, and calls wrong for each file that is none, or has a row that is no JSON.
func Check(dir string, wrong func(path, text string)) (batches, rows int, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, ok := parse(dir, path)
		if !ok {
			wrong(path, "is no batch of predictions; the next start removes it")
			return nil
		}
		lines, n, err := (&spill{}).read(f)
		if err != nil {
			wrong(path, "cannot be read")
			return nil
		}
		batches, rows = batches+1, rows+n
		at := 0
		for line := range bytes.Lines(lines) {
			if at++; !json.Valid(line) {
				wrong(path, fmt.Sprintf("row %d is damaged", at))
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil // nothing has been predicted here yet
	}
	return batches, rows, err
}

// read returns a file's rows without a last one that the process did not finish: it
// was not answered either.
func (s *spill) read(f spilled) (lines []byte, rows int, err error) {
	lines, err = os.ReadFile(f.path)
	lines = lines[:bytes.LastIndexByte(lines, '\n')+1]
	return lines, bytes.Count(lines, []byte{'\n'}), err
}

func (s *spill) remove(f spilled) {
	_ = os.Remove(f.path) // if it stays, its rows come again under the same id
	s.skip(f)
}

func (s *spill) skip(spilled) {
	s.queue = s.queue[1:]
	s.length.Store(int64(len(s.queue)))
}
