package duck

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bind "github.com/duckdb/duckdb-go-bindings"
)

// session is one in-memory database with one connection, used for one request.
type session struct {
	db   bind.Database
	conn bind.Connection
	args []arg
}

// openSession makes a database that loads nothing from elsewhere.
func openSession() (*session, error) {
	var cfg bind.Config
	bind.CreateConfig(&cfg)
	defer bind.DestroyConfig(&cfg)
	for key, value := range map[string]string{
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
		"allow_community_extensions": "false", "allow_persistent_secrets": "false",
		"threads": "1", // raised for the request; threads that wait cost memory
	} {
		if bind.SetConfig(cfg, key, value) != bind.StateSuccess {
			return nil, fmt.Errorf("duck: setting %s is unknown", key)
		}
	}
	s := &session{}
	var message string
	if bind.OpenExt("", &s.db, cfg, &message) != bind.StateSuccess {
		return nil, fmt.Errorf("duck: open: %s", message)
	}
	if bind.Connect(s.db, &s.conn) != bind.StateSuccess {
		bind.Close(&s.db)
		return nil, fmt.Errorf("duck: connect failed")
	}
	// What is the same for every request, and the parser of the gate once: each costs a
	// part of a millisecond, which no query has to wait for here.
	for _, sql := range []string{"SET TimeZone = 'UTC'", "SET enable_progress_bar = false", "SELECT json_serialize_sql('SELECT 1')"} {
		if err := s.run(sql); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *session) close() {
	bind.Disconnect(&s.conn)
	bind.Close(&s.db)
}

// prepare sets the request's limits and makes its views.
func (s *session) prepare(r request) error {
	settings := []string{
		"SET threads = " + strconv.Itoa(max(1, r.Threads)),
		fmt.Sprintf("SET memory_limit = '%dB'", r.Memory),
		"SET temp_directory = " + sqltext.Text(r.TempDir),
		fmt.Sprintf("SET max_temp_directory_size = '%dB'", r.MaxTemp),
	}
	for _, v := range r.Views {
		settings = append(settings, "CREATE SCHEMA IF NOT EXISTS "+sqltext.Ident(v.Name.Namespace))
		sel, err := v.selectFrom()
		if err != nil {
			return err
		}
		settings = append(settings, "CREATE VIEW "+sqltext.Ident(v.Name.Namespace)+"."+sqltext.Ident(v.Name.Name)+" AS "+sel)
	}
	if r.Op == opUser {
		// After the views, because making one looks at its files.
		settings = append(settings, confine(r.Views)...)
	} else {
		settings = append(settings, r.Setup...)
	}
	for _, sql := range settings {
		if err := s.run(sql); err != nil {
			return err
		}
	}
	s.args = r.Args
	return nil
}

// run executes one statement without arguments and drops its result.
func (s *session) run(sql string) error {
	var res bind.Result
	defer bind.DestroyResult(&res)
	if bind.Query(s.conn, sql, &res) != bind.StateSuccess {
		return fail(bind.ResultError(&res))
	}
	return nil
}

// statement is a prepared statement and what its result looks like.
type statement struct {
	s       *session
	st      bind.PreparedStatement
	columns []column
}

// compile prepares SQL that rewrite has been over and checks that it is one statement.
func (s *session) compile(sql string) (*statement, error) {
	out := &statement{s: s}
	if bind.Prepare(s.conn, sql, &out.st) != bind.StateSuccess {
		err := fail(bind.PrepareError(out.st))
		bind.DestroyPrepare(&out.st)
		return nil, err
	}
	for i := range bind.PreparedStatementColumnCount(out.st) {
		t := bind.PreparedStatementColumnLogicalType(out.st, i)
		if bind.GetTypeId(t) == bind.TypeInvalid {
			bind.DestroyLogicalType(&t)
			out.close()
			return nil, forge.Errorf(forge.KindInvalid, nil, "the type of result column %d is not known before the query runs: cast it", i+1)
		}
		out.columns = append(out.columns, columnOf(bind.PreparedStatementColumnName(out.st, i), t))
		bind.DestroyLogicalType(&t)
	}
	return out, nil
}

func (st *statement) close() { bind.DestroyPrepare(&st.st) }

func (st *statement) isSelect() bool {
	return bind.PreparedStatementType(st.st) == bind.StatementTypeSelect
}

func (st *statement) schema() lake.Schema {
	s := lake.Schema{Columns: make([]lake.Column, len(st.columns))}
	for i, c := range st.columns {
		s.Columns[i] = lake.Column{Name: c.name, Type: c.typ}
	}
	return s
}

// compileSelect compiles a SELECT so that its columns have types of the lake.
func (s *session) compileSelect(sql string, limit int64) (*statement, error) {
	raw, err := s.compile(sql)
	if err != nil {
		return nil, err
	}
	defer raw.close()
	if !raw.isSelect() {
		return nil, forge.Errorf(forge.KindInvalid, nil, "only a SELECT can be run here")
	}
	parts := make([]string, len(raw.columns))
	for i, c := range raw.columns {
		parts[i] = c.expr(i)
	}
	wrapped := "SELECT " + strings.Join(parts, ", ") + " FROM " + aliased(sql, len(parts))
	if limit > 0 {
		wrapped += " LIMIT " + strconv.FormatInt(limit, 10)
	}
	st, err := s.compile(wrapped)
	if err != nil {
		return nil, err
	}
	st.columns = raw.columns // with the names that the SQL gave
	return st, nil
}

// expr is the column of position i with its type made one of ours.
func (c column) expr(i int) string {
	name := "c" + strconv.Itoa(i)
	if c.cast == "" {
		return name
	}
	return strings.ReplaceAll(c.cast, "%s", name) + " AS " + name
}

// aliased is the SELECT as a subquery whose n columns are called c0, c1, …: names
// of the SELECT may repeat. The line break ends a comment at its end.
func aliased(sql string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "c" + strconv.Itoa(i)
	}
	return "(" + sql + "\n) AS q(" + strings.Join(names, ", ") + ")"
}

// execute binds the arguments that the statement uses and starts it.
func (st *statement) execute(res *bind.Result) error {
	for i, a := range st.s.args {
		var at bind.IdxT
		if bind.BindParameterIndex(st.st, &at, strconv.Itoa(i+1)) != bind.StateSuccess {
			continue // not used, or NULL, which stands in the text
		}
		if err := a.bind(st.st, at); err != nil {
			return err
		}
	}
	var pending bind.PendingResult
	defer bind.DestroyPending(&pending)
	if bind.PendingPreparedStreaming(st.st, &pending) != bind.StateSuccess {
		return fail(bind.PendingError(pending))
	}
	if bind.ExecutePending(pending, res) != bind.StateSuccess {
		return fail(bind.ResultError(res))
	}
	return nil
}

// How much an Arrow batch holds: it is sent when it has batchRows rows or batchBytes
// of text. DuckDB's chunks have 2,048 rows; one with more than chunkBytes of text is
// refused, because the server would have to hold it.
const (
	batchRows  = 16 * 2048
	batchBytes = 8 << 20
	chunkBytes = 256 << 20
)

// stream runs the statement and writes its rows as an Arrow stream, at most max of
// them when max is not 0. It reports whether more were there.
func (st *statement) stream(w io.Writer, max int64) (truncated bool, err error) {
	var res bind.Result
	defer bind.DestroyResult(&res)
	if err := st.execute(&res); err != nil {
		return false, err
	}
	schema, err := st.schema().Arrow()
	if err != nil {
		return false, err
	}
	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	held, size := int64(0), 0
	flush := func() error {
		if held == 0 {
			return nil
		}
		held, size = 0, 0
		batch := b.NewRecordBatch()
		defer batch.Release()
		return out.Write(batch)
	}
	room := int64(math.MaxInt64)
	if max > 0 {
		room = max
	}
	for !truncated {
		n, bytes, err := st.fetch(b, &res, room)
		if err != nil {
			return false, err
		}
		size += bytes
		if n == 0 {
			break
		}
		truncated = n > room
		n = min(n, room)
		room -= n
		if held += n; held >= batchRows || size >= batchBytes {
			if err := flush(); err != nil {
				return false, err
			}
		}
	}
	if err := flush(); err != nil {
		return false, err
	}
	return truncated, out.Close()
}

// fetch appends the next chunk to b, at most room rows of it, and returns the chunk's
// rows, 0 at the end, and the bytes of its text.
func (st *statement) fetch(b *array.RecordBuilder, res *bind.Result, room int64) (rows int64, size int, err error) {
	chunk := bind.FetchChunk(*res)
	defer bind.DestroyDataChunk(&chunk)
	if chunk.Ptr == nil {
		if msg := bind.ResultError(res); msg != "" {
			return 0, 0, fail(msg)
		}
		return 0, 0, nil
	}
	n := int64(bind.DataChunkGetSize(chunk))
	take := int(min(n, room))
	for i, c := range st.columns {
		v := bind.DataChunkGetVector(chunk, bind.IdxT(i))
		if c.typ == lake.String || c.typ == lake.Binary {
			if size += textSize(v, take); size > chunkBytes {
				return 0, 0, forge.Errorf(forge.KindInvalid, nil, "the rows are too large: more than %d MB in %d of them; read fewer or shorter columns", chunkBytes>>20, n)
			}
		}
		if err := appendVector(b.Field(i), v, c.typ, take); err != nil {
			return 0, 0, err
		}
	}
	return n, size, nil
}
