package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"aiforge.dev/forge/internal/diskio"
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
	err := l.broken
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
	seq, chain, err := l.encode(batch)
	if err != nil {
		return err
	}
	err = l.fault.At("writes")
	if err == nil {
		_, err = l.file.WriteAt(l.text.Bytes(), l.size)
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		err = l.fault.At("written")
	}
	if err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = fmt.Errorf("the log's end could not be restored: %w", cut)
		}
		return err
	}
	l.publish(batch, seq, chain)
	return l.head.write(l.key, state{seq, chain})
}

// encode writes the group's lines into l.text and returns what the log's end will be.
func (l *Log) encode(batch []*request) (seq int64, chain mac, err error) {
	seq, chain = l.seq, l.chain
	l.text.Reset()
	l.begin = l.begin[:0]
	var sum [2*len(chain) + 1]byte
	sum[len(sum)-1] = ' '
	enc := json.NewEncoder(&l.text) // ends with a line break and has no other
	for _, r := range batch {
		seq++
		r.entry.Seq, r.seq = seq, seq
		at := l.text.Len()
		l.begin = append(l.begin, int64(at))
		l.text.Write(sum[:]) // filled in below
		if err := enc.Encode(&r.entry); err != nil {
			return 0, mac{}, err
		}
		raw := l.text.Bytes()[at:]
		chain = l.sums.next(chain, raw[len(sum):len(raw)-1])
		hex.Encode(raw, chain[:])
	}
	return seq, chain, nil
}

// publish lets readers see a group that is on the disk.
func (l *Log) publish(batch []*request, seq int64, chain mac) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range batch {
		l.tail.add(r.entry.Scope, l.size+l.begin[i])
	}
	l.size += int64(l.text.Len())
	l.seq, l.chain, l.committed = seq, chain, state{seq, chain}
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
	if err := diskio.SyncDir(l.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	full := l.tail
	full.size = l.size
	l.mu.Lock()
	l.current, l.tail, l.size = l.seq+1, newIndex(l.seq+1), 0
	l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close() // everything in it is on the disk
		l.save(full)
	}
	l.file = f
	return nil
}

func segmentName(first int64) string { return fmt.Sprintf("%015d.log", first) }
