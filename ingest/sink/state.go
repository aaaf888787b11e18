package sink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/lake"
)

// Properties of a table that a sink feeds. stateProperty holds a state as JSON;
// epochProperty the epoch of the lease under which it was committed, for people.
const (
	stateProperty = "forge.offsets"
	epochProperty = "forge.epoch"
	keepSources   = 256
)

// state says what of a topic is in the table.
type state struct {
	Topic   string              `json:"topic"`
	Next    int64               `json:"next"` // first offset that is not in the table
	Sources map[string]position `json:"sources,omitempty"`
}

// position of one source, with what it brought since it is known.
type position struct {
	Seq      int64 `json:"seq"`
	Rows     int64 `json:"rows"`
	Rejected int64 `json:"rejected,omitempty"`
	At       int64 `json:"at"` // offset of its last record, to forget the oldest
}

func parseState(text string) (state, error) {
	var st state
	if text == "" {
		return st, nil
	}
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		return st, forge.Errorf(forge.KindInternal, err, "the property %s of the table is damaged", stateProperty)
	}
	return st, nil
}

// Next is the first offset that a table with these properties has not taken; fed is
// false for one that no sink feeds.
func Next(properties map[string]string) (next int64, fed bool, err error) {
	text, fed := properties[stateProperty]
	st, err := parseState(text)
	if err == nil && fed && (st.Next < 0 || st.Topic == "") {
		err = forge.Errorf(forge.KindInternal, nil, "the property %s of the table says offset %d of topic %q, which cannot be", stateProperty, st.Next, st.Topic)
	}
	return st.Next, fed, err
}

// text encodes the state; the same state gives the same text. Only the sources that
// were seen last are kept: positions serve producers that repeat themselves soon
// after a failure.
func (st state) text() string {
	if len(st.Sources) > keepSources {
		names := make([]string, 0, len(st.Sources))
		for n := range st.Sources {
			names = append(names, n)
		}
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(st.Sources[b].At, st.Sources[a].At), cmp.Compare(a, b))
		})
		for _, n := range names[keepSources:] {
			delete(st.Sources, n)
		}
	}
	b, _ := json.Marshal(st) // strings and numbers only
	return string(b)
}

// prepare makes the table, or adds to it what the contract has more, and stores
// where its topic is to be read from. Both happen before a producer may write, so
// records that were there before the table are never taken for its own.
func (s *Sink) prepare(ctx context.Context, scope forge.Scope, c ingest.Contract) error {
	t, err := s.cfg.Tables.Load(ctx, scope, c.Table)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	if err == nil && t.Properties[stateProperty] != "" {
		_, err = s.widen(ctx, scope, t, c)
		return err
	}
	topic := ingest.TableTopic(scope, c.Table)
	_, end, berr := s.cfg.Log.Bounds(ctx, topic)
	if berr != nil {
		return berr
	}
	props := map[string]string{stateProperty: state{Topic: topic, Next: end}.text()}
	if err == nil {
		_, err = s.cfg.Tables.Commit(ctx, scope, c.Table, lake.Change{Properties: props, Expect: map[string]string{stateProperty: ""}})
		if err == nil {
			_, err = s.widen(ctx, scope, t, c)
		}
	} else {
		_, err = s.cfg.Tables.Create(ctx, scope, c.Table, bare(c.Schema), props)
	}
	if errors.Is(err, forge.ErrConflict) { // another one was faster
		if t, lerr := s.cfg.Tables.Load(ctx, scope, c.Table); lerr == nil && t.Properties[stateProperty] != "" {
			_, err = s.widen(ctx, scope, t, c)
		}
	}
	return err
}

// bare is a schema without field ids: the store gives them.
func bare(s lake.Schema) lake.Schema {
	out := lake.Schema{Columns: slices.Clone(s.Columns)}
	for i := range out.Columns {
		out.Columns[i].ID = 0
	}
	return out
}

// widen adds the columns of the contract that the table lacks, whatever their case.
func (s *Sink) widen(ctx context.Context, scope forge.Scope, t lake.Table, c ingest.Contract) (lake.Table, error) {
	var missing []lake.Column
	for _, w := range bare(c.Schema).Columns {
		if _, ok := find(t.Schema, w.Name); !ok {
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return t, nil
	}
	if _, err := s.cfg.Tables.Commit(ctx, scope, t.Name, lake.Change{AddColumns: missing}); err != nil {
		return t, err
	}
	return s.cfg.Tables.Load(ctx, scope, t.Name)
}

// find finds a column; names that differ only by case are the same, as in SQL.
func find(s lake.Schema, name string) (lake.Column, bool) {
	for _, c := range s.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return lake.Column{}, false
}
