package audit

import (
	"errors"
	"os"
	"path/filepath"

	"aiforge.dev/forge/internal/diskio"
)

// Copy writes the log as it is at this moment to another folder, while it goes on. What
// is wrong with the log is wrong with the copy: a head that was frozen as evidence goes
// with it as it is.
func (l *Log) Copy(dir string) error {
	l.mu.Lock()
	end, current, size := l.committed, l.current, l.size
	l.mu.Unlock()
	firsts, err := l.segments()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, first := range firsts {
		if first > current {
			continue // began after this moment
		}
		from, to := filepath.Join(l.dir, segmentName(first)), filepath.Join(dir, segmentName(first))
		most := diskio.All
		if first == current {
			most = size
		} else if os.Link(from, to) == nil {
			continue // a full segment never changes
		}
		if _, err := diskio.Copy(from, to, most); err != nil {
			return err
		}
	}
	if l.head.frozen {
		_, err := diskio.Copy(filepath.Join(l.dir, "head"), filepath.Join(dir, "head"), diskio.All)
		return err
	}
	return writeHead(filepath.Join(dir, "head"), l.key, end)
}

func writeHead(path string, key []byte, at state) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := headFile{f: f}
	return errors.Join(h.write(key, at), h.close())
}
