package onlinekv

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// enoughRoom is what must be free before writes go on: a memtable, as log and as table.
const enoughRoom = 32 << 20

// roomy is fs with writes that wait while the disk is full. Pebble ends the process when
// its log cannot be written; here it waits instead, and look-ups go on meanwhile.
func roomy(fs vfs.FS, free func() uint64, closing <-chan struct{}, log *slog.Logger) vfs.FS {
	return vfs.OnDiskFull(fs, func() {
		log.Error("online store: the disk is full; writing goes on when there is room")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for free() < enoughRoom {
			select {
			case <-tick.C:
			case <-closing:
				return
			}
		}
	})
}

// freeOf is the room on the disk of a folder; one that does not say has enough.
func freeOf(dir string) func() uint64 {
	return func() uint64 {
		usage, err := vfs.Default.GetDiskUsage(dir)
		if err != nil {
			return enoughRoom
		}
		return usage.AvailBytes
	}
}
