package maintain

import "aiforge.dev/forge/lake"

const (
	minJoin  = 8                // files worth a rewrite by itself
	maxJoin  = 500              // files of one rewrite
	maxBytes = int64(512) << 20 // of one look at a table
)

// small reports whether a file is to be joined with others at all.
func small(f lake.DataFile, target int64) bool { return f.Size < target/4*3 }

// worth chooses what to join of a table that is being written to: neighbours in the
// table's order, so that this order stays, and never a large file for the sake of a few
// small ones. Beginning with the newest, an older neighbour joins as long as it is no
// larger than all the newer ones together: so a row is rewritten about as often as the
// table's size doubles, not each time that a few rows are added.
func worth(files []lake.DataFile, target int64) [][]lake.DataFile {
	var out [][]lake.DataFile
	for end := len(files); end > 0; {
		if !small(files[end-1], target) {
			end--
			continue
		}
		begin, sum := end-1, files[end-1].Size
		for begin > 0 && end-begin < maxJoin && small(files[begin-1], target) && files[begin-1].Size <= max(sum, 64<<10) && sum < target {
			begin--
			sum += files[begin].Size
		}
		if end-begin >= minJoin {
			out = append(out, files[begin:end])
		}
		end = begin
	}
	return out
}

// all joins every two small neighbours up to the target.
func all(files []lake.DataFile, target int64) [][]lake.DataFile {
	var out [][]lake.DataFile
	for i := 0; i < len(files); {
		n, sum := 0, int64(0)
		for i+n < len(files) && n < maxJoin && small(files[i+n], target) && (n == 0 || sum+files[i+n].Size <= target) {
			sum += files[i+n].Size
			n++
		}
		if n > 1 {
			out = append(out, files[i:i+n])
		}
		i += max(n, 1)
	}
	return out
}
