package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// headFile says how far the log has been, in two slots written in turn, so that a
// crash while one is written leaves the other. It is written after the log's fsync and
// without one of its own: it may lag behind the log, but never be ahead of it.
//
// A head that is missing or that the log does not contain is never written again: it
// stays as the evidence that Verify reports.
type headFile struct {
	f      *os.File
	turn   int64
	known  state // at the time of opening
	lost   bool
	frozen bool
}

const slotSize = 8 + 2*sha256.Size

// openHead opens the head. fresh says that there is no log yet.
func openHead(dir string, key []byte, fresh bool) (*headFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, "head"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	h := &headFile{f: f}
	ok := false
	if h.known, ok, h.turn, err = readHead(f, key); err == nil && !ok && fresh {
		ok, err = true, errors.Join(h.write(key, state{}), f.Sync())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	h.lost, h.frozen = !ok, !ok
	return h, nil
}

// readHead returns the newer good slot, and the turn of the other one.
func readHead(r io.ReaderAt, key []byte) (best state, ok bool, turn int64, err error) {
	var raw [2 * slotSize]byte
	n, err := r.ReadAt(raw[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return best, false, 0, err
	}
	for i := range int64(2) {
		if int64(n) < (i+1)*slotSize {
			break
		}
		slot := raw[i*slotSize : (i+1)*slotSize]
		s := state{seq: int64(binary.BigEndian.Uint64(slot)), chain: mac(slot[8:])}
		if hmac.Equal(slot[8+sha256.Size:], headMAC(key, slot[:8+sha256.Size])) && (!ok || s.seq > best.seq) {
			best, ok, turn = s, true, 1-i
		}
	}
	return best, ok, turn, nil
}

func headMAC(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("head"))
	h.Write(content)
	return h.Sum(nil)
}

func (h *headFile) write(key []byte, s state) error {
	if h.frozen {
		return nil
	}
	slot := binary.BigEndian.AppendUint64(nil, uint64(s.seq))
	slot = append(slot, s.chain[:]...)
	slot = append(slot, headMAC(key, slot)...)
	_, err := h.f.WriteAt(slot, h.turn*slotSize)
	h.turn = 1 - h.turn
	return err
}

func (h *headFile) close() error { return errors.Join(h.f.Sync(), h.f.Close()) }
