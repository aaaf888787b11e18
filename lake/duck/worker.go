package duck

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	bind "github.com/duckdb/duckdb-go-bindings"
)

// ServeWorker answers requests from in on out until in ends; cmd/forge runs it as a
// hidden command in a process of its own. The process ends as soon as in ends, also
// in the middle of a query: then the engine that asked is gone.
func ServeWorker(in io.Reader, out io.Writer) error {
	debug.SetMemoryLimit(256 << 20) // Go's part; DuckDB has its own limit
	requests := make(chan request)
	go func() {
		defer os.Exit(0)
		r := bufio.NewReader(in)
		for {
			kind, payload, err := readFrame(r)
			if err != nil || kind != frameRequest {
				return
			}
			var req request
			if json.Unmarshal(payload, &req) != nil {
				return
			}
			requests <- req
		}
	}()
	w := bufio.NewWriterSize(out, 64<<10)
	for {
		// Opened before there is a request, so that it does not wait for this.
		s, err := openSession()
		if err != nil {
			return err
		}
		req := <-requests
		end, err := answer(s, req, w)
		s.close()
		if err != nil {
			err = writeJSON(w, frameError, failureOf(err, req))
		} else {
			err = writeJSON(w, frameEnd, end)
		}
		if err = errors.Join(err, w.Flush()); err != nil || req.Op == opUser {
			return err // behind its fences this process cannot open another database
		}
	}
}

func failureOf(err error, r request) failure {
	var e *forge.Error
	if !errors.As(err, &e) {
		return failure{forge.KindInternal, clean(err.Error(), r)}
	}
	return failure{e.Kind, clean(e.Text, r)}
}

func answer(s *session, r request, w *bufio.Writer) (ending, error) {
	if r.Op == opUser {
		if err := sandbox(r); err != nil {
			return ending{}, err
		}
	}
	if err := s.prepare(r); err != nil {
		return ending{}, err
	}
	if r.Op == opExec {
		return ending{}, s.exec(r, w)
	}
	sql, err := rewrite(r.SQL, r.Args)
	if err != nil {
		return ending{}, err
	}
	switch r.Op {
	case opUser:
		reads, err := s.gate(sql, r.Views, r.Features)
		if err != nil {
			return ending{}, err
		}
		if err := s.define(reads, r); err != nil {
			return ending{}, err
		}
		return s.query(sql, r.Rows, w)
	case opQuery:
		return s.query(sql, r.Rows, w)
	case opDescribe:
		return ending{}, s.describe(sql, w)
	case opWrite:
		files, err := s.write(sql, r)
		return ending{Files: files}, err
	}
	return ending{}, forge.Errorf(forge.KindInternal, nil, "worker: unknown operation %q", r.Op)
}

func (s *session) describe(sql string, w io.Writer) error {
	st, err := s.compile(sql)
	if err != nil {
		return err
	}
	defer st.close()
	if !st.isSelect() {
		return forge.Errorf(forge.KindInvalid, nil, "only a SELECT can be described")
	}
	return writeJSON(w, frameHeader, header{st.schema()})
}

func (s *session) query(sql string, rows int64, w *bufio.Writer) (ending, error) {
	limit := int64(0)
	if rows > 0 {
		limit = rows + 1 // one more tells whether there are more
	}
	st, err := s.compileSelect(sql, limit)
	if err != nil {
		return ending{}, err
	}
	defer st.close()
	return st.send(w, rows)
}

// send writes a header and the rows. The header goes out at once: a reader that knows
// the columns can start to draw.
func (st *statement) send(w *bufio.Writer, rows int64) (ending, error) {
	if err := errors.Join(writeJSON(w, frameHeader, header{st.schema()}), w.Flush()); err != nil {
		return ending{}, err
	}
	truncated, err := st.stream(frameWriter{w}, rows)
	return ending{Truncated: truncated}, err
}

// exec runs statements in order; each answers with a header and rows of its own.
func (s *session) exec(r request, w *bufio.Writer) error {
	for _, sql := range r.Statements {
		sql, err := rewrite(sql, r.Args)
		if err != nil {
			return err
		}
		if err := s.execOne(sql, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) execOne(sql string, w *bufio.Writer) error {
	st, err := s.compile(sql)
	if err != nil {
		return err
	}
	if st.isSelect() {
		st.close()
		if st, err = s.compileSelect(sql, 0); err != nil {
			return err
		}
	}
	defer st.close()
	for _, c := range st.columns {
		if c.cast != "" && !st.isSelect() { // COPY's statistics: nobody asks for them
			var res bind.Result
			defer bind.DestroyResult(&res)
			if err := st.execute(&res); err != nil {
				return err
			}
			return writeJSON(w, frameHeader, header{})
		}
	}
	_, err = st.send(w, 0)
	return err
}

// write stores the rows of a SELECT as Parquet files of the schema.
func (s *session) write(sql string, r request) ([]lake.DataFile, error) {
	raw, err := s.compile(sql)
	if err != nil {
		return nil, err
	}
	defer raw.close()
	if !raw.isSelect() {
		return nil, forge.Errorf(forge.KindInvalid, nil, "only the rows of a SELECT can be stored")
	}
	parts, err := project(raw.columns, r.Schema)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(r.Dir, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the table's folder cannot be written")
	}
	st, err := s.compileCopy("COPY (SELECT " + strings.Join(parts, ", ") + " FROM " + aliased(sql, len(raw.columns)) + ") TO " + target(dir, r) +
		", FORMAT parquet, COMPRESSION zstd, FIELD_IDS " + fieldIDs(r.Schema) + ", RETURN_STATS true)")
	if err != nil {
		return nil, err
	}
	defer st.close()
	return st.files()
}

// target says where a COPY writes to: a file when the rows' order is to be kept, which
// files of a bounded size do not do.
func target(dir string, r request) string {
	if r.Ordered {
		return sqltext.Text(filepath.Join(dir, r.FilePrefix+"-0.parquet")) + " (PRESERVE_ORDER true"
	}
	return sqltext.Text(dir) + " (FILE_SIZE_BYTES '128MB', FILENAME_PATTERN " + sqltext.Text(r.FilePrefix+"-{uuidv7}") + ", APPEND true"
}

// project lists the expressions that give the columns of the schema from the columns
// c0, c1, … of a SELECT, by name.
func project(have []column, schema lake.Schema) ([]string, error) {
	used := make([]bool, len(have))
	parts := make([]string, len(schema.Columns))
	for i, want := range schema.Columns {
		t, err := sqlType(want.Type)
		if err != nil {
			return nil, err
		}
		value := "NULL"
		for j, c := range have {
			if strings.EqualFold(c.name, want.Name) && !used[j] {
				value, used[j] = strings.TrimSuffix(c.expr(j), " AS c"+itoa(j)), true
				break
			}
		}
		parts[i] = "CAST(" + value + " AS " + t + ") AS " + sqltext.Ident(want.Name)
	}
	for j, c := range have {
		if !used[j] {
			return nil, forge.Errorf(forge.KindInvalid, nil, "the table has no column %q, or the SELECT has it twice", c.name)
		}
	}
	return parts, nil
}
