package clean

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// Shown is what a recipe would do: some rows before and after, and what each step does
// with all rows. BeforeRows and AfterRows number the rows of the input, so that a row
// can be found again; AfterRows is empty when a step made rows of its own.
type Shown struct {
	Columns      []lake.Column    `json:"columns"`
	Before       [][]any          `json:"before"`
	BeforeRows   []int64          `json:"before_rows"`
	AfterColumns []lake.Column    `json:"after_columns"`
	After        [][]any          `json:"after"`
	AfterRows    []int64          `json:"after_rows,omitempty"`
	Steps        []lake.StepCount `json:"steps"`
}

// MaxPreview is the most rows that a preview shows.
const MaxPreview = 500

// Preview runs a recipe over the whole of its input without keeping anything, and
// shows rows spread over the table, those that the recipe changes or rejects first.
func Preview(ctx context.Context, house *lake.House, scope forge.Scope, r lake.Recipe, key mask.Key, rows int) (Shown, error) {
	in := inputs(house, scope, key)
	in.RowID = true
	p, err := NewPlan(ctx, r, in)
	if err != nil {
		return Shown{}, err
	}
	at, err := pin(ctx, house, scope, p.Tables)
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Columns: p.Input.Columns, AfterColumns: p.Schema.Columns}
	if out.Steps, _, err = counts(ctx, house, scope, p, at, nil, 0); err != nil {
		return Shown{}, p.blame(ctx, house, scope, at, nil, err)
	}
	if rows <= 0 {
		rows = 20
	}
	rows = min(rows, MaxPreview)
	before, err := read(ctx, house, scope, p.Query(p.sample(rows)), at)
	if err != nil {
		return Shown{}, p.blame(ctx, house, scope, at, nil, err)
	}
	out.Before, out.BeforeRows = split(before, true)
	after, err := read(ctx, house, scope, p.Query(p.sampled(out.BeforeRows, rows)), at)
	if err != nil {
		return Shown{}, p.blame(ctx, house, scope, at, nil, err)
	}
	out.After, out.AfterRows = split(after, p.rowID)
	return out, nil
}

// split takes the row numbers off the end of each row.
func split(rows [][]any, numbered bool) (cells [][]any, ids []int64) {
	cells = make([][]any, 0, len(rows))
	for _, r := range rows {
		if numbered {
			ids = append(ids, asInt(r[len(r)-1]))
			r = r[:len(r)-1]
		}
		cells = append(cells, r)
	}
	return cells, ids
}

// sample picks rows of the input: for each step a few that it changes or rejects, as
// far as rows are still numbered there, then rows at even distances.
func (p *Plan) sample(rows int) string {
	id, first := ident(rowID), p.ctes[0].name
	var parts []string
	per := max(1, rows/(2*max(1, len(p.steps))))
	for _, s := range p.numbered() {
		cond := s.result.touched
		if len(s.result.rejects) > 0 {
			if cond != "" && cond != "true" {
				cond = "(" + cond + ") OR "
			} else {
				cond = ""
			}
			cond += anyReject(s.result)
		}
		if cond != "" && cond != "true" {
			parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s WHERE %s ORDER BY 1 LIMIT %d)", id, s.from, cond, per))
		}
	}
	spread := fmt.Sprintf("(SELECT %s FROM %s WHERE (%s - 1) %% greatest(1, (SELECT count(*) FROM %s) // %d) = 0 ORDER BY 1 LIMIT %d)", id, first, id, first, rows, rows)
	pick := "SELECT " + id + " FROM (SELECT " + id + ", 0 AS late FROM (SELECT NULL AS " + id + " WHERE false"
	for _, q := range parts {
		pick += " UNION ALL " + q
	}
	pick += ") UNION ALL SELECT " + id + ", 1 FROM " + spread + ") GROUP BY 1 ORDER BY min(late), 1 LIMIT " + fmt.Sprint(rows)
	return p.with(len(p.ctes)) + "SELECT " + columnList(p.Input) + ", " + id + " FROM " + first + " WHERE " + id + " IN (" + pick + ") ORDER BY " + id
}

// numbered are the steps whose input still carries the row numbers.
func (p *Plan) numbered() []compiled {
	for i, s := range p.steps {
		if s.result.sql != "" && !s.result.keepsID {
			return p.steps[:i+1]
		}
	}
	return p.steps
}

// sampled gives the same rows at the end of the recipe.
func (p *Plan) sampled(ids []int64, rows int) string {
	sql := p.with(len(p.ctes)) + "SELECT " + columnList(p.Schema)
	if !p.rowID {
		return sql + " FROM " + p.last() + fmt.Sprintf(" LIMIT %d", rows)
	}
	list := []string{"-1"}
	for _, id := range ids {
		list = append(list, fmt.Sprint(id))
	}
	return sql + ", " + ident(rowID) + " FROM " + p.last() + " WHERE " + ident(rowID) + " IN (" + strings.Join(list, ", ") + ") ORDER BY " + ident(rowID)
}

// counts runs the counts of all steps over pinned tables; rows is what the last one
// leaves.
func counts(ctx context.Context, house *lake.House, scope forge.Scope, p *Plan, at lake.At, sources map[forge.TableName]lake.Source, limit time.Duration) (steps []lake.StepCount, rows int64, err error) {
	q := p.Query(p.Counts())
	q.Sources, q.Limits.Time = copySources(sources), limit
	got, err := read(ctx, house, scope, q, at)
	if err != nil {
		return nil, 0, err
	}
	if len(got) != len(p.steps)+1 {
		return nil, 0, fmt.Errorf("recipe %s: %d counts for %d steps", p.Recipe.Name, len(got), len(p.steps))
	}
	steps = make([]lake.StepCount, len(p.steps))
	for i, s := range p.steps {
		in, next := asInt(got[i][1]), asInt(got[i+1][1])
		steps[i] = lake.StepCount{Name: s.title, RowsIn: in, RowsOut: next, Touched: asInt(got[i][2]), Rejected: asInt(got[i][3])}
		if s.step.Do == "dedupe" {
			steps[i].Touched = in - next
		}
	}
	return steps, asInt(got[len(p.steps)][1]), nil
}

func copySources(m map[forge.TableName]lake.Source) map[forge.TableName]lake.Source {
	if m == nil {
		return nil
	}
	out := make(map[forge.TableName]lake.Source, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// blame finds the step at which the engine fails, by running the recipe step by step,
// and names it. A failure of ours or of the engine as such stays as it is.
func (p *Plan) blame(ctx context.Context, house *lake.House, scope forge.Scope, at lake.At, sources map[forge.TableName]lake.Source, err error) error {
	if !errors.Is(err, forge.ErrInvalid) {
		return err
	}
	for i := range p.steps {
		q := p.Query(p.probe(i + 1))
		q.Sources = copySources(sources)
		if _, e := read(ctx, house, scope, q, at); errors.Is(e, forge.ErrInvalid) {
			return stepError(p.Recipe, i, forge.Errorf(forge.KindInvalid, e, "%s", plainMessage(e)))
		}
	}
	return err
}

// plainMessage takes the engine's kind of error and the excerpt of SQL away.
func plainMessage(err error) string {
	line := firstLine(err.Error())
	if _, rest, ok := strings.Cut(line, " Error: "); ok {
		return rest
	}
	return line
}
