package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge/internal/keyset"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/training"
)

// volatile are columns that say when something was done or by which model.
var volatile = map[string]bool{"at": true, "scored_at": true}

var modelColumns = map[string]bool{"prediction": true, "score": true, "score_yes": true, "score_no": true, "model": true, "model_version": true}

// contents are the tables' row counts and hashes, which do not depend on the order of
// the rows. The log of predictions is checked row by row instead.
func (s *soak) contents(retrained bool) map[string]string {
	var list struct{ Tables []lake.Table }
	s.insist("GET", "/api/tables", nil, &list)
	out := map[string]string{}
	for _, t := range list.Tables {
		name := t.Name.String()
		if t.Name == predictionTable {
			continue
		}
		var columns []string
		for _, c := range t.Schema.Columns {
			if volatile[c.Name] || retrained && t.Name.Namespace == "scored" && modelColumns[c.Name] {
				continue
			}
			columns = append(columns, `"`+c.Name+`"`)
		}
		slices.Sort(columns)
		out[name] = s.query(fmt.Sprintf("SELECT count(*), sum((hash(%s) >> 16)::HUGEINT)::VARCHAR FROM %s", strings.Join(columns, ", "), name))
	}
	return out
}

func (s *soak) query(sql string) string {
	var out struct{ Rows [][]any }
	s.insist("POST", "/api/sql", map[string]any{"sql": sql, "limit": 1_000_000}, &out)
	var b strings.Builder
	for _, r := range out.Rows {
		for _, v := range r {
			b.WriteString(numberText(v))
			b.WriteByte(' ')
		}
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

// check holds a round's end against an undisturbed one.
func (s *soak) check(flow string, want map[string]string) {
	s.settle()
	got := s.contents(flow == "train")
	for _, name := range slices.Sorted(maps.Keys(mergeKeys(want, got))) {
		if got[name] != want[name] {
			s.violation("table %s: rows and hash are %q, undisturbed they are %q", name, got[name], want[name])
		}
	}
	if flow != "first" {
		s.checkPredictions()
		s.checkModels()
	}
	var verdict struct {
		OK      bool
		Entries int64
		Reason  string
	}
	s.insist("GET", "/api/audit/verify", nil, &verdict)
	if !verdict.OK || verdict.Entries == 0 {
		s.violation("the audit log's chain is broken: %+v", verdict)
	}
	if err := s.server.stop(); err != nil {
		s.violation("%v", err)
	}
	if err := s.checkFiles(); err != nil {
		s.violation("the tables' files: %v", err)
	}
}

func mergeKeys(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// checkPredictions: what was answered is in the log, once, and nothing is there twice.
func (s *soak) checkPredictions() {
	s.insist("GET", "/api/monitors/calls/predictions?limit=1", nil, nil) // brings all to the table
	s.mu.Lock()
	answered := maps.Clone(s.answered)
	s.mu.Unlock()
	logged := map[string]int{}
	if text := s.query("SELECT prediction_id FROM monitoring.predictions"); text != "" {
		for line := range strings.Lines(text) {
			logged[strings.TrimSpace(line)]++
		}
	}
	lost, doubled := 0, 0
	for id := range answered {
		if logged[id] == 0 {
			lost++
		}
	}
	for _, n := range logged {
		if n > 1 {
			doubled++
		}
	}
	if lost+doubled > 0 {
		s.violation("of %d answered predictions %d are not in the log; %d of %d logged are there more than once", len(answered), lost, doubled, len(logged))
	}
	s.predictions += len(answered)
}

// checkModels: every version is ready or says why not, and is whole on disk.
func (s *soak) checkModels() {
	var m training.Model
	s.insist("GET", "/api/models/calls", nil, &m)
	for _, v := range m.Versions {
		if v.Status != "ready" && (v.Status != "refused" || v.Reason == "") {
			s.violation("version %d is %s (%s)", v.Number, v.Status, v.Reason)
		}
		dir := filepath.Join(s.server.data, "models", string(firstProject.Scope.Tenant), string(firstProject.Scope.Project), "calls", v.Digest)
		if digest, err := modelpkg.Digest(dir); err != nil || digest != v.Digest {
			s.violation("version %d: its package has digest %q, want %q (%v)", v.Number, digest, v.Digest, err)
		}
	}
	if len(m.Versions) == 0 || m.Aliases["champion"] == 0 {
		s.violation("the model has no champion: %+v", m)
	}
	var runs struct{ Runs []training.Run }
	s.insist("GET", "/api/runs", nil, &runs)
	for _, r := range runs.Runs {
		if r.State != "succeeded" && r.Error == "" {
			s.violation("run %s ended %s without a reason", r.ID, r.State)
		}
	}
}

// checkFiles opens the stopped server's lake: no file is referenced twice, each one
// that is referenced is there, and a sweep leaves nothing else behind.
func (s *soak) checkFiles() error {
	ctx := context.Background()
	keys, err := keyset.Open(filepath.Join(s.server.data, "forge.key"))
	if err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(s.server.data, "meta.db"), keys.Derive("metadata", 64))
	if err != nil {
		return err
	}
	defer db.Close()
	root := filepath.Join(s.server.data, "lake")
	tomorrow := func() time.Time { return time.Now().Add(48 * time.Hour) }
	tables, err := iceberg.New(db, root, iceberg.Config{Now: tomorrow})
	if err != nil {
		return err
	}
	all, err := tables.List(ctx, firstProject.Scope)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, t := range all {
		if _, err := tables.Sweep(ctx, firstProject.Scope, t.Name, 24*time.Hour); err != nil {
			return err
		}
		loaded, err := tables.Catalog(firstProject.Scope).LoadTable(ctx, []string{t.Name.Namespace, t.Name.Name})
		if err != nil {
			return err
		}
		for _, snap := range loaded.Metadata().Snapshots() {
			seen := map[string]bool{}
			io, err := loaded.FS(ctx)
			if err != nil {
				return err
			}
			manifests, err := snap.Manifests(io)
			if err != nil {
				return err
			}
			for _, m := range manifests {
				for e, err := range m.Entries(io, true) {
					if err != nil {
						return err
					}
					path := strings.TrimPrefix(e.DataFile().FilePath(), "file://")
					if seen[path] {
						s.violation("table %s: snapshot %d has %s twice", t.Name, snap.SnapshotID, filepath.Base(path))
					}
					seen[path], used[path] = true, true
				}
			}
		}
	}
	s.checkDisk(root, used)
	return nil
}

// checkDisk compares the data files on disk with those that are used.
func (s *soak) checkDisk(root string, used map[string]bool) {
	for path := range used {
		if _, err := os.Stat(path); err != nil {
			s.violation("a file that a snapshot needs is gone: %v", err)
		}
	}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".parquet") && !used[path] {
			s.violation("%s is an orphan that a sweep leaves", strings.TrimPrefix(path, root))
		}
		return err
	})
}
