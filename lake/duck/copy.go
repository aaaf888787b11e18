package duck

import (
	"os"
	"strconv"
	"unsafe"

	"aiforge.dev/forge/lake"
	bind "github.com/duckdb/duckdb-go-bindings"
)

func itoa(i int) string { return strconv.Itoa(i) }

// compileCopy prepares a COPY; its result columns are read by files.
func (s *session) compileCopy(sql string) (*statement, error) {
	out := &statement{s: s}
	if bind.Prepare(s.conn, sql, &out.st) != bind.StateSuccess {
		err := fail(bind.PrepareError(out.st))
		bind.DestroyPrepare(&out.st)
		return nil, err
	}
	return out, nil
}

// files runs a COPY with RETURN_STATS, whose first columns are file name, rows and
// bytes. A file without rows is removed: a SELECT without rows writes one.
func (st *statement) files() ([]lake.DataFile, error) {
	var res bind.Result
	defer bind.DestroyResult(&res)
	if err := st.execute(&res); err != nil {
		return nil, err
	}
	var out []lake.DataFile
	for {
		chunk := bind.FetchChunk(res)
		if chunk.Ptr == nil {
			break
		}
		n := int(bind.DataChunkGetSize(chunk))
		names := unsafe.Slice((*stringT)(bind.VectorGetData(bind.DataChunkGetVector(chunk, 0))), n)
		rows := unsafe.Slice((*uint64)(bind.VectorGetData(bind.DataChunkGetVector(chunk, 1))), n)
		sizes := unsafe.Slice((*uint64)(bind.VectorGetData(bind.DataChunkGetVector(chunk, 2))), n)
		for i := range n {
			f := lake.DataFile{Path: string(names[i].bytes()), Rows: int64(rows[i]), Size: int64(sizes[i])}
			if f.Rows == 0 {
				_ = os.Remove(f.Path)
				continue
			}
			out = append(out, f)
		}
		bind.DestroyDataChunk(&chunk)
	}
	if msg := bind.ResultError(&res); msg != "" {
		return nil, fail(msg)
	}
	return out, nil
}
