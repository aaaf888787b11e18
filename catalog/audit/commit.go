package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// committing writes requests in groups: whatever has come while the disk was busy.
func (l *Log) committing() {
	defer close(l.done)
	defer l.shut()
	for {
		select {
		case r := <-l.work:
			l.commit(l.group(r))
		case <-l.closed:
			for { // those that came in before Close are written
				select {
				case r := <-l.work:
					l.commit(l.group(r))
				default:
					return
				}
			}
		}
	}
}

func (l *Log) shut() {
	if l.file != nil {
		_ = l.file.Close()
	}
	_ = l.head.close()
}

func (l *Log) group(first *request) []*request {
	batch := []*request{first}
	for len(batch) < cap(l.work) {
		select {
		case r := <-l.work:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// commit writes a group with one fsync. After a failed write the file is cut back to
// where it was; when even that fails, nothing is appended until the log is opened anew.
func (l *Log) commit(batch []*request) {
	err := l.fault
	if err == nil {
		err = l.write(batch)
	}
	if err != nil {
		l.log.Error("audit log", "err", err, "entries", len(batch))
	}
	for _, r := range batch {
		r.err <- err
	}
}

func (l *Log) write(batch []*request) error {
	if err := l.roll(); err != nil {
		return err
	}
	seq, chain := l.seq, l.chain
	var buf []byte
	for _, r := range batch {
		seq++
		r.entry.Seq, r.seq = seq, seq
		raw, err := encode(r.entry)
		if err != nil {
			return err
		}
		chain = l.next(chain, raw)
		buf = hex.AppendEncode(buf, chain[:])
		buf = append(buf, ' ')
		buf = append(buf, raw...)
		buf = append(buf, '\n')
	}
	_, err := l.file.WriteAt(buf, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.fault = fmt.Errorf("the log's end could not be restored: %w", cut)
		}
		return err
	}
	l.size += int64(len(buf))
	l.seq, l.chain = seq, chain
	l.publish()
	return l.head.write(l.key, state{seq, chain})
}

// roll begins a new segment when the current one is full.
func (l *Log) roll() error {
	if l.file != nil && l.size < l.segment {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(l.dir, segmentName(l.seq+1)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(l.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if l.file != nil {
		_ = l.file.Close() // everything in it is on the disk
	}
	l.file, l.size = f, 0
	return nil
}

func segmentName(first int64) string { return fmt.Sprintf("%015d.log", first) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
