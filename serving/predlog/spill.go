package predlog

import (
	"bytes"
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

// spill keeps batches as files TENANT/PROJECT/NUMBER.ndjson; numbers grow.
type spill struct {
	dir    string
	next   int64
	queue  []spilled
	length atomic.Int64 // of queue, for those who only look
}

type spilled struct {
	scope  forge.Scope
	number int64
	path   string
}

const suffix = ".ndjson"

func openSpill(dir string) (*spill, error) {
	s := &spill{dir: dir}
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
	sort.Slice(s.queue, func(i, j int) bool { return s.queue[i].number < s.queue[j].number })
	s.length.Store(int64(len(s.queue)))
	return s, nil
}

// found takes a file of an earlier process and removes one that was not finished: a
// torn batch, whose rows ended with the process that was writing it.
func (s *spill) found(path string) error {
	rel, err := filepath.Rel(s.dir, path)
	if err != nil {
		return err
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	name, ok := strings.CutSuffix(parts[len(parts)-1], suffix)
	var number int64
	if _, err := fmt.Sscanf(name, "%d", &number); !ok || err != nil || len(parts) != 3 {
		return os.Remove(path)
	}
	scope := forge.Scope{Tenant: forge.TenantID(parts[0]), Project: forge.ProjectID(parts[1])}
	s.queue = append(s.queue, spilled{scope, number, path})
	s.next = max(s.next, number+1)
	return nil
}

// write puts a batch on disk for good before it returns.
func (s *spill) write(scope forge.Scope, lines []byte) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindInternal, nil, "prediction log: scope %q is no path", scope)
	}
	dir := filepath.Join(s.dir, string(scope.Tenant), string(scope.Project))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%019d%s", s.next, suffix))
	if err := writeSynced(path, lines); err != nil {
		return err
	}
	s.queue = append(s.queue, spilled{scope, s.next, path})
	s.next++
	s.length.Store(int64(len(s.queue)))
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "part-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *spill) oldest() (spilled, bool) {
	if len(s.queue) == 0 {
		return spilled{}, false
	}
	return s.queue[0], true
}

func (s *spill) read(f spilled) (lines []byte, rows int, err error) {
	lines, err = os.ReadFile(f.path)
	return lines, bytes.Count(lines, []byte{'\n'}), err
}

func (s *spill) remove(f spilled) {
	_ = os.Remove(f.path) // if it stays, its rows come again with the same ids
	s.skip(f)
}

func (s *spill) skip(spilled) {
	s.queue = s.queue[1:]
	s.length.Store(int64(len(s.queue)))
}
