package audit

import (
	"errors"
	"io"
	"os"
	"path/filepath"
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
		most := int64(-1)
		if first == current {
			most = size
		} else if os.Link(from, to) == nil {
			continue // a full segment never changes
		}
		if err := copyFile(from, to, most); err != nil {
			return err
		}
	}
	if l.head.frozen {
		return copyFile(filepath.Join(l.dir, "head"), filepath.Join(dir, "head"), -1)
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

// copyFile copies the first most bytes, or all of them.
func copyFile(from, to string, most int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if most < 0 {
		_, err = io.Copy(out, in)
	} else {
		_, err = io.CopyN(out, in, most)
	}
	return errors.Join(err, out.Close())
}
