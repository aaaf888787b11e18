package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge/internal/archive"
	"aiforge.dev/forge/internal/diskio"
)

// staging is the files of a backup, gathered quickly and sent slowly. What may be
// removed meanwhile is linked into a folder of its own, small files are copied, and of
// those that grow only the bytes of the moment count.
type staging struct {
	data, dir string
	at        time.Time
	held      time.Duration // how long nobody could append to the log
	files     []archive.File
	have      map[string]int // name → index in files
	release   func()         // lets the tables remove files again
}

func newStaging(data, dir string, release func()) (*staging, error) {
	s := &staging{data: data, dir: dir, have: map[string]int{}, release: release}
	return s, os.MkdirAll(dir, 0o700)
}

func (s *staging) close() {
	_ = os.RemoveAll(s.dir) // below tmp/, which the next start empties
	s.release()
}

func (s *staging) path(name string) string { return filepath.Join(s.dir, name) }

func (s *staging) bytes() (n int64) {
	for _, f := range s.files {
		n += f.Size
	}
	return n
}

// folder takes all files below a part of the data folder but those in skip, top-level
// names. A file that is there already is taken again: it may have grown.
func (s *staging) folder(part string, skip map[string]bool) error {
	err := filepath.WalkDir(filepath.Join(s.data, part), func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.data, p)
		if err != nil {
			return err
		}
		if skip[rel] || rel == "log/.lock" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		if err := s.take(rel); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a part that this folder does not have yet
	}
	return err
}

// small files are copied: they may be written anew in place.
const small = 1 << 20

// grows tells the log's segments, which are only appended to, so that a link and a
// length are enough.
func grows(rel string) bool {
	return strings.HasPrefix(rel, "log/") && (strings.HasSuffix(rel, ".dat") || strings.HasSuffix(rel, ".idx"))
}

func (s *staging) take(rel string) error {
	from, to := filepath.Join(s.data, rel), s.path(rel)
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if i, ok := s.have[rel]; ok && s.files[i].Size == info.Size() && info.Size() > small {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size := info.Size()
	if size <= small && !grows(rel) {
		size, err = diskio.Copy(from, to, diskio.All)
	} else if os.Link(from, to) != nil { // another disk, or one without links
		_, err = diskio.Copy(from, to, diskio.All)
	}
	if err == nil {
		s.add(archive.File{Name: filepath.ToSlash(rel), Path: to, Size: size})
	}
	return err
}

// immutable takes a file that never changes under its name and that nobody removes
// while the tables are held; other programs might, so that a link is better.
func (s *staging) immutable(rel string) error {
	from, to := filepath.Join(s.data, rel), s.path(rel)
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if os.Link(from, to) != nil {
		to = from
	}
	s.add(archive.File{Name: filepath.ToSlash(rel), Path: to, Size: info.Size()})
	return nil
}

// own takes what was written into the staging folder itself.
func (s *staging) own(parts ...string) error {
	for _, part := range parts {
		err := filepath.WalkDir(s.path(part), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(s.dir, p)
			s.add(archive.File{Name: filepath.ToSlash(rel), Path: p, Size: info.Size()})
			return err
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(s.files, func(a, b archive.File) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (s *staging) add(f archive.File) {
	if i, ok := s.have[f.Name]; ok {
		s.files[i] = f
		return
	}
	s.have[f.Name] = len(s.files)
	s.files = append(s.files, f)
}
