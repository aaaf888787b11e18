package icebergrest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"aiforge.dev/forge"
	"github.com/apache/iceberg-go/table"
)

// change is the request to change one table.
type change struct {
	Identifier   *identifier   `json:"identifier"`
	Requirements *requirements `json:"requirements"`
	Updates      *tableUpdates `json:"updates"`
}

// tableUpdates decodes updates of a hostile client too.
type tableUpdates struct{ table.Updates }

func (u *tableUpdates) UnmarshalJSON(data []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("updates: not what the specification says")
		}
	}()
	return u.Updates.UnmarshalJSON(data)
}

func (c change) commit(id identifier) (table.TableCommit, error) {
	if c.Requirements == nil || c.Updates == nil {
		return table.TableCommit{}, bad("Malformed request: table %s: requirements and updates are needed, each a list", id)
	}
	return table.TableCommit{Identifier: id.ident(), Requirements: c.Requirements.list, Updates: c.Updates.Updates}, nil
}

// creates reports whether the change makes a table.
func (c change) creates() bool {
	return c.Requirements != nil && slices.ContainsFunc(c.Requirements.list, func(r table.Requirement) bool { return r.GetType() == assertCreate })
}

func (s *Service) commitTable(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in change
	if err := decode(r, &in); err != nil {
		return err
	}
	id := tableOf(r)
	if in.Identifier != nil && in.Identifier.String() != id.String() {
		return bad("Malformed request: the path names table %s and the body %s", id, in.Identifier)
	}
	out, err := s.commit(r.Context(), scope, cat, []identifier{id}, []change{in})
	if err != nil {
		return err
	}
	return answerTable(w, r, out[0], allSnapshots)
}

func (s *Service) commitTransaction(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in struct {
		Changes []change `json:"table-changes"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if len(in.Changes) == 0 {
		return bad("Malformed request: table-changes is needed, with at least one change")
	}
	ids := make([]identifier, len(in.Changes))
	for i, c := range in.Changes {
		if c.Identifier == nil {
			return bad("Malformed request: table-changes[%d] names no table: identifier is needed", i)
		}
		ids[i] = *c.Identifier
	}
	if _, err := s.commit(r.Context(), scope, cat, ids, in.Changes); err != nil {
		return err
	}
	return done(w)
}

// commit applies changes to several tables, all or none.
func (s *Service) commit(ctx context.Context, scope forge.Scope, cat Catalog, ids []identifier, changes []change) ([]*table.Table, error) {
	commits := make([]table.TableCommit, len(ids))
	for i, id := range ids {
		if err := s.may(ctx, scope, cat, id, changes[i].creates()); err != nil {
			return nil, err
		}
		var err error
		if commits[i], err = changes[i].commit(id); err != nil {
			return nil, err
		}
	}
	out, err := cat.CommitTables(ctx, commits)
	if err != nil {
		return nil, err
	}
	for i, t := range out {
		s.link(ctx, scope, ids[i], t, changes[i])
	}
	return out, nil
}

// may checks that a table is there, or may be made.
func (s *Service) may(ctx context.Context, scope forge.Scope, cat Catalog, id identifier, creates bool) error {
	if creates {
		if err := id.check(); err != nil {
			return err
		}
		return s.has(ctx, scope, cat, id.Namespace)
	}
	if !id.valid() {
		return noTable(id)
	}
	if _, err := cat.LoadTable(ctx, id.ident()); err != nil {
		return of(id, err)
	}
	return nil
}

// link records which snapshot another program's snapshot continues, so that what the
// older one was made of is found from the newer. Its loss is no reason to fail.
func (s *Service) link(ctx context.Context, scope forge.Scope, id identifier, t *table.Table, c change) {
	cur := t.CurrentSnapshot()
	if s.cfg.Lineage == nil || cur == nil || cur.ParentSnapshotID == nil || !c.adds(cur.SnapshotID) {
		return
	}
	snapshot := func(n int64) forge.Ref { return forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", id, n)} }
	err := s.cfg.Lineage.Link(ctx, scope, forge.Edge{From: snapshot(*cur.ParentSnapshotID), To: snapshot(cur.SnapshotID), By: "iceberg.commit", At: s.cfg.Now().UTC()})
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("lineage not written", "table", id.String(), "err", err)
	}
}

// adds reports whether a change brings the snapshot.
func (c change) adds(id int64) bool {
	for _, u := range c.Updates.Updates {
		if u.Action() != table.UpdateAddSnapshot {
			continue
		}
		var wire struct {
			Snapshot struct {
				ID int64 `json:"snapshot-id"`
			} `json:"snapshot"`
		}
		if data, err := json.Marshal(u); err == nil && json.Unmarshal(data, &wire) == nil && wire.Snapshot.ID == id {
			return true
		}
	}
	return false
}

// reportMetrics takes a client's report of a scan or a commit. It is checked and not
// kept: the audit log says who read what.
func (s *Service) reportMetrics(w http.ResponseWriter, r *http.Request) error {
	_, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in struct {
		Type string `json:"report-type"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Type == "" {
		return bad("Malformed request: report-type is needed")
	}
	id := tableOf(r)
	if !id.valid() {
		return noTable(id)
	}
	if _, err := cat.LoadTable(r.Context(), id.ident()); err != nil {
		return of(id, err)
	}
	return done(w)
}
