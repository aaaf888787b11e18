package iceberg_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// setting is another program's commit that sets a property.
func setting(name, key, value string) table.TableCommit {
	n := laketest.Name(name)
	return table.TableCommit{Identifier: table.Identifier{n.Namespace, n.Name}, Updates: []table.Update{table.NewSetPropertiesUpdate(ice.Properties{key: value})}}
}

func property(t *testing.T, tables *iceberg.Tables, name, key string) string {
	t.Helper()
	return laketest.Must(tables.Load(t.Context(), laketest.Scope, laketest.Name(name))).Properties[key]
}

func metadataFiles(t *testing.T, tables *iceberg.Tables, name string) int {
	t.Helper()
	dir := laketest.Must(tables.Load(t.Context(), laketest.Scope, laketest.Name(name))).Location
	return len(laketest.Must(filepath.Glob(filepath.Join(dir, "metadata", "*.metadata.json"))))
}

// Two processes change the same two tables, named in opposite orders: all of it happens,
// always both tables together.
func TestCommitTablesTogether(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	for _, n := range []string{"raw.x", "raw.y"} {
		laketest.Must(a.Create(t.Context(), laketest.Scope, laketest.Name(n), laketest.Pairs, nil))
	}
	const each = 10
	var wg sync.WaitGroup
	for i, tables := range []*iceberg.Tables{a, b, a, b} {
		wg.Go(func() {
			for j := range each {
				key := strconv.Itoa(i*100 + j)
				both := []table.TableCommit{setting("raw.x", "k"+key, key), setting("raw.y", "k"+key, key)}
				if i > 1 {
					both[0], both[1] = both[1], both[0]
				}
				both[0].Updates = append(both[0].Updates, table.NewSetPropertiesUpdate(ice.Properties{"last": key}))
				both[1].Updates = append(both[1].Updates, table.NewSetPropertiesUpdate(ice.Properties{"last": key}))
				if _, err := tables.Catalog(laketest.Scope).CommitTables(t.Context(), both); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		for j := range each {
			key := strconv.Itoa(i*100 + j)
			if property(t, a, "raw.x", "k"+key) != key || property(t, b, "raw.y", "k"+key) != key {
				t.Errorf("commit %s is lost", key)
			}
		}
	}
	if x, y := property(t, a, "raw.x", "last"), property(t, a, "raw.y", "last"); x != y {
		t.Errorf("the last commit of one table is %s and of the other %s", x, y)
	}
}

// What was written for tables that do not change after all is removed.
func TestCommitTablesRefused(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	for _, n := range []string{"raw.x", "raw.y"} {
		laketest.Must(a.Create(t.Context(), laketest.Scope, laketest.Name(n), laketest.Pairs, nil))
	}
	refused := setting("raw.y", "k", "1")
	refused.Requirements = []table.Requirement{table.AssertCreate()}
	_, err := a.Catalog(laketest.Scope).CommitTables(t.Context(), []table.TableCommit{setting("raw.x", "k", "1"), refused})
	if !errors.Is(err, table.ErrCommitFailed) {
		t.Errorf("error %v", err)
	}
	if property(t, a, "raw.x", "k") != "" || metadataFiles(t, a, "raw.x") != 1 || metadataFiles(t, a, "raw.y") != 1 {
		t.Errorf("k = %q, %d and %d metadata files", property(t, a, "raw.x", "k"), metadataFiles(t, a, "raw.x"), metadataFiles(t, a, "raw.y"))
	}
}

// A lost answer is resolved by looking; when even that fails, the error says so, and the
// metadata that may be in force stays.
func TestCommitTablesLostAnswer(t *testing.T) {
	a, b, _, db := open(t, iceberg.Config{})
	for _, n := range []string{"raw.x", "raw.y"} {
		laketest.Must(a.Create(t.Context(), laketest.Scope, laketest.Name(n), laketest.Pairs, nil))
	}
	commit := func(value string) error {
		_, err := a.Catalog(laketest.Scope).CommitTables(t.Context(), []table.TableCommit{setting("raw.x", "k", value), setting("raw.y", "k", value)})
		return err
	}
	a.LoseAnswers(func() error { return errors.New("connection reset") })
	if err := commit("1"); err != nil {
		t.Fatal(err)
	}
	a.LoseAnswers(func() error { // and somebody else is faster than our look
		_, err := b.Catalog(laketest.Scope).CommitTables(t.Context(), []table.TableCommit{setting("raw.x", "other", "1")})
		return errors.Join(errors.New("connection reset"), err)
	})
	if err := commit("2"); err != nil {
		t.Fatal(err)
	}
	if property(t, b, "raw.x", "k") != "2" || property(t, b, "raw.y", "k") != "2" || property(t, b, "raw.x", "other") != "1" {
		t.Error("a commit is lost")
	}
	before := metadataFiles(t, b, "raw.y")
	files := laketest.Must(filepath.Glob(filepath.Join(laketest.Must(b.Load(t.Context(), laketest.Scope, laketest.Name("raw.y"))).Location, "metadata", "*.json")))
	a.LoseAnswers(func() error { return errors.Join(errors.New("connection reset"), db.Close()) })
	err := commit("3")
	var unknown interface{ CommitStateUnknown() }
	if !errors.As(err, &unknown) || forge.KindOf(err) != forge.KindUnavailable {
		t.Errorf("error %v", err)
	}
	if after := laketest.Must(filepath.Glob(filepath.Join(filepath.Dir(files[0]), "*.json"))); len(after) != before+1 {
		t.Errorf("%d metadata files, want %d: what may be in force was removed", len(after), before+1)
	}
}

// Other programs' partitions are not ours to write into.
func TestForeignPartitions(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	name := laketest.Name("raw.x")
	laketest.Must(a.Create(t.Context(), laketest.Scope, name, laketest.Pairs, nil))
	tbl, err := a.Catalog(laketest.Scope).LoadTable(context.Background(), table.Identifier{"raw", "x"})
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	if err := tx.UpdateSpec(false).AddIdentity("text").Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = a.Commit(t.Context(), laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)}})
	laketest.WantKind(t, err, forge.KindInvalid)
}

// Columns of types that we do not know do not hide the others.
func TestForeignColumns(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	list := &ice.ListType{ElementID: 3, Element: ice.PrimitiveTypes.String}
	for name, fields := range map[string][]ice.NestedField{
		"raw.some": {{ID: 1, Name: "id", Type: ice.PrimitiveTypes.Int64}, {ID: 2, Name: "tags", Type: list}},
		"raw.none": {{ID: 2, Name: "tags", Type: list}},
	} {
		n := laketest.Name(name)
		ident, cat := table.Identifier{n.Namespace, n.Name}, a.Catalog(laketest.Scope)
		location, props, err := cat.PlaceTable(t.Context(), ident, "")
		if err != nil {
			t.Fatal(err)
		}
		meta := laketest.Must(table.NewMetadata(ice.NewSchema(0, fields...), nil, table.UnsortedSortOrder, location, props))
		laketest.Must(cat.CreateTable(t.Context(), ident, meta))
		_, schema, err := a.Files(t.Context(), laketest.Scope, n, 0)
		if name == "raw.none" {
			laketest.WantKind(t, err, forge.KindInvalid)
		} else if err != nil || len(schema.Columns) != 1 || schema.Columns[0].Name != "id" {
			t.Errorf("%v, %v", schema, err)
		}
		if got := laketest.Must(a.Load(t.Context(), laketest.Scope, n)); len(got.Schema.Columns) != len(fields) {
			t.Errorf("the table shows %v", got.Schema)
		}
	}
}

// Row-level deletes would end all reading here: they are refused before they count.
func TestForeignDeletes(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	name := laketest.Name("raw.x")
	laketest.Must(a.Create(t.Context(), laketest.Scope, name, laketest.Pairs, nil))
	laketest.Must(a.Commit(t.Context(), laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)}}))
	cat := a.Catalog(laketest.Scope)
	tbl, err := cat.LoadTable(t.Context(), table.Identifier{"raw", "x"})
	if err != nil {
		t.Fatal(err)
	}
	batch := pairs(t)
	defer batch.Release()
	tx := tbl.NewTransaction()
	deletes, err := tx.WriteEqualityDeletes(t.Context(), []int{1, 2}, func(yield func(arrow.RecordBatch, error) bool) { yield(batch, nil) })
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.NewRowDelta(nil).AddDeletes(deletes...).Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	change, err := tx.TableCommit()
	if err != nil {
		t.Fatal(err)
	}
	_, err = cat.CommitTables(t.Context(), []table.TableCommit{change})
	laketest.WantKind(t, err, forge.KindInvalid)
	if files, _, err := a.Files(t.Context(), laketest.Scope, name, 0); err != nil || laketest.RowsOf(files) != 3 {
		t.Errorf("%v, %v", files, err)
	}
}
