package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// findBad adds the rows that do not fit to the batch's rejects and returns how many
// they are.
func (c *committer) findBad(ctx context.Context, b *batch, g *group, all int, fs []field) (int64, error) {
	res, err := c.s.cfg.Engine.Query(ctx, lake.Query{SQL: badSQL(g, all, fs), Paths: []string{g.file.Name()}})
	if err != nil {
		return 0, err
	}
	defer res.Close()
	cur := &cursor{g: g}
	n := int64(0)
	for {
		rec, err := res.Next(ctx)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		rn, ok1 := rec.Column(0).(*array.Int64)
		value, ok2 := rec.Column(2).(array.StringLike)
		if !ok1 || !ok2 {
			return n, fmt.Errorf("rejects of %s: columns come as %s", c.table, rec.Schema())
		}
		for i := range int(rec.NumRows()) {
			at, err := strconv.Atoi(rec.Column(1).ValueStr(i))
			if err != nil || at < 0 || at >= len(fs) {
				return n, fmt.Errorf("rejects of %s: field %q", c.table, rec.Column(1).ValueStr(i))
			}
			k, line, text, err := cur.row(rn.Value(i) - 1)
			if err != nil {
				return n, err
			}
			n++
			b.count(k.source, -1, 1)
			err = b.reject(k.offset, ingest.Reject{
				Source: k.name, Line: line, Column: fs[at].column.Name, Value: value.Value(i),
				Reason: fs[at].reason(), Text: text, At: k.at,
			})
			if err != nil {
				return n, err
			}
		}
	}
}

// cursor walks through a group's file, forward only.
type cursor struct {
	g     *group
	i     int   // current chunk
	first int64 // number of its first row in the group
	data  []byte
	row0  int64 // number of the row that data starts with
	line  int64 // its line
	skips string
}

// row returns the chunk of a row, its line in the source and its text.
func (c *cursor) row(n int64) (chunk, int64, string, error) {
	for c.i < len(c.g.chunks) && n >= c.first+c.g.chunks[c.i].rows {
		c.first += c.g.chunks[c.i].rows
		c.i++
		c.data = nil
	}
	if c.i == len(c.g.chunks) {
		return chunk{}, 0, "", fmt.Errorf("row %d of %d", n, c.g.rows)
	}
	k := c.g.chunks[c.i]
	if c.data == nil {
		c.data = make([]byte, k.size)
		if _, err := c.g.file.ReadAt(c.data, k.from); err != nil {
			return k, 0, "", err
		}
		c.row0, c.line, c.skips = c.first, k.line, k.skips
	}
	for {
		c.skip()
		end := c.end()
		if c.row0 == n {
			return k, c.line, strings.TrimSuffix(string(c.data[:end]), "\n"), nil
		}
		if end == 0 {
			return k, 0, "", fmt.Errorf("row %d is not in its record", n)
		}
		c.line += int64(bytes.Count(c.data[:end], []byte{'\n'}))
		c.data = c.data[end:]
		c.row0++
	}
}

// skip adds the lines that the source has before the current row and the value has
// not.
func (c *cursor) skip() {
	head, rest, _ := strings.Cut(c.skips, ",")
	row, lines, ok := strings.Cut(head, ":")
	if !ok {
		return
	}
	at, err1 := strconv.ParseInt(row, 10, 64)
	n, err2 := strconv.ParseInt(lines, 10, 64)
	if err1 == nil && err2 == nil && at == c.row0-c.first {
		c.line += n
		c.skips = rest
	}
}

func (c *cursor) end() int {
	if c.g.format == ingest.FormatNDJSON {
		return bytes.IndexByte(c.data, '\n') + 1
	}
	return recordEnd(c.data)
}

// rejectsSchema is the schema of a rejects table.
var rejectsSchema = lake.Schema{Columns: []lake.Column{
	{Name: "source", Type: lake.String}, {Name: "line", Type: lake.Long}, {Name: "column", Type: lake.String},
	{Name: "value", Type: lake.String}, {Name: "reason", Type: lake.String}, {Name: "text", Type: lake.String},
	{Name: "at", Type: lake.Timestamptz},
}}

// rejectsState loads the rejects table and how far it is; a table that does not exist
// yet is at the start.
func (c *committer) rejectsState(ctx context.Context) (lake.Table, state, error) {
	t, err := c.s.cfg.Tables.Load(ctx, c.scope, ingest.RejectsTable(c.table))
	if errors.Is(err, forge.ErrNotFound) {
		return lake.Table{}, state{}, nil
	}
	if err != nil {
		return t, state{}, err
	}
	st, err := parseState(t.Properties[stateProperty])
	return t, st, err
}

// commitRejects brings the batch's rejects into their table.
func (c *committer) commitRejects(ctx context.Context, b *batch) error {
	if b.rejects == nil {
		return nil
	}
	if err := b.rejects.buf.Flush(); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the spool folder cannot be written; is the disk full?")
	}
	t, st, err := c.rejectsState(ctx)
	if err != nil {
		return err
	}
	name := ingest.RejectsTable(c.table)
	if t.Name == (forge.TableName{}) {
		if t, err = c.s.cfg.Tables.Create(ctx, c.scope, name, rejectsSchema, nil); err != nil {
			return err
		}
	}
	sql := fmt.Sprintf(`SELECT source, line, "column", value, reason, text, "at" FROM read_json(%s, format = 'newline_delimited', maximum_object_size = 16777216, columns = {'source': 'VARCHAR', 'line': 'BIGINT', 'column': 'VARCHAR', 'value': 'VARCHAR', 'reason': 'VARCHAR', 'text': 'VARCHAR', 'at': 'TIMESTAMPTZ'})`,
		sqltext.Text(b.rejects.file.Name()))
	files, err := c.s.cfg.Engine.Write(ctx, lake.Query{SQL: sql, Paths: []string{b.rejects.file.Name()}}, t.Schema, t.Location)
	if err != nil {
		return err
	}
	if err := c.s.cfg.Fault.At("rejects written"); err != nil {
		return err
	}
	st.Topic, st.Next = c.topic, max(st.Next, b.next) // never back: what is there must not come again
	_, err = c.s.cfg.Tables.Commit(ctx, c.scope, name, lake.Change{
		Add:        files,
		Properties: map[string]string{stateProperty: st.text()},
		Expect:     map[string]string{stateProperty: b.behind}, // else the batch holds rejects that are there by now
		Summary:    map[string]string{"forge.by": "ingest", "forge.topic": c.topic},
	})
	return err
}
