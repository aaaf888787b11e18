package icebergrest_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// set is a commit that sets a property, if the main branch is where it is expected.
func set(key, value string, head int64) string {
	req := ""
	if head != 0 {
		req = fmt.Sprintf(`{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":%d}`, head)
	}
	return fmt.Sprintf(`{"requirements":[%s],"updates":[{"action":"set-properties","updates":{%q:%q}}]}`, req, key, value)
}

func (w *world) property(t *testing.T, scope forge.Scope, name, key string) string {
	t.Helper()
	return laketest.Must(w.tables.Load(t.Context(), scope, laketest.Name(name))).Properties[key]
}

// TestAppend writes rows with another Iceberg library and reads them with the lake.
func TestAppend(t *testing.T) {
	w := start(t)
	first := w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	tbl, err := w.client(t, editor).LoadTable(t.Context(), table.Identifier{"raw", "calls"})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, laketest.Must(laketest.Pairs.Arrow()))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{7, 8}, nil)
	b.Field(1).(*array.StringBuilder).AppendValues([]string{"x", "y"}, nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	rows := array.NewTableFromRecords(rec.Schema(), []arrow.RecordBatch{rec})
	defer rows.Release()
	if _, err := tbl.AppendTable(t.Context(), rows, 10, nil); err != nil {
		t.Fatal(err)
	}
	now := laketest.Must(w.tables.Load(t.Context(), catalogtest.Demo, laketest.Name("raw.calls")))
	if now.Rows != 5 || now.Snapshot.Parent != first.ID {
		t.Errorf("%d rows, parent %d", now.Rows, now.Snapshot.Parent)
	}
	want := forge.Edge{From: forge.Ref{Kind: "snapshot", ID: "raw.calls@" + itoa(first.ID)}, To: forge.Ref{Kind: "snapshot", ID: "raw.calls@" + itoa(now.Snapshot.ID)}, By: "iceberg.commit"}
	if len(w.lineage.all) != 1 || w.lineage.all[0].From != want.From || w.lineage.all[0].To != want.To || w.lineage.all[0].By != want.By {
		t.Errorf("lineage %v, want %v", w.lineage.all, want)
	}
	if later := w.pairs(t, catalogtest.Demo, "raw.calls", 4); later.Rows != 9 || later.Parent != now.Snapshot.ID {
		t.Errorf("the lake's next commit: %+v", later)
	}
}

func TestRequirements(t *testing.T) {
	w := start(t)
	head := w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	w.want(t, 200, "", editor, "POST", calls, set("a", "1", head.ID))
	other := "00000000-0000-4000-8000-000000000000"
	for req, text := range map[string]string{
		`{"type":"assert-create"}`:                                                    "table already exists",
		`{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":1}`:              "branch main has changed: expected id 1 != " + itoa(head.ID),
		`{"type":"assert-ref-snapshot-id","ref":"main"}`:                              "branch main was created concurrently",
		`{"type":"assert-ref-snapshot-id","ref":"dev","snapshot-id":1}`:               "branch or tag dev is missing, expected 1",
		`{"type":"assert-current-schema-id","current-schema-id":9}`:                   "current schema changed: expected id 9 != 0",
		`{"type":"assert-last-assigned-field-id","last-assigned-field-id":9}`:         "last assigned field id changed: expected id 9 != 2",
		`{"type":"assert-default-spec-id","default-spec-id":9}`:                       "default partition spec changed: expected id 9 != 0",
		`{"type":"assert-default-sort-order-id","default-sort-order-id":9}`:           "default sort order changed: expected id 9 != 0",
		`{"type":"assert-last-assigned-partition-id","last-assigned-partition-id":9}`: "last assigned partition id changed: expected id 9 != 999",
		`{"type":"assert-table-uuid","uuid":"` + other + `"}`:                         "UUID does not match: expected ",
	} {
		a := w.want(t, 409, "CommitFailedException", editor, "POST", calls, `{"requirements":[`+req+`],"updates":[{"action":"set-properties","updates":{"a":"2"}}]}`)
		if _, got := a.failure(); !strings.HasPrefix(got, "Requirement failed: "+text) {
			t.Errorf("%s: text %q", req, got)
		}
	}
	if got := w.property(t, catalogtest.Demo, "raw.calls", "a"); got != "1" {
		t.Errorf("a refused commit changed the table: a = %s", got)
	}
	w.want(t, 200, "", editor, "POST", calls, `{"requirements":[{"type":"assert-ref-snapshot-id","ref":"dev","snapshot-id":null}],"updates":[]}`)
	w.want(t, 404, "NoSuchTableException", editor, "POST", calls+"x", set("a", "1", 0))
	w.want(t, 400, "BadRequestException", editor, "POST", calls, `{"identifier":{"namespace":["raw"],"name":"other"},"requirements":[],"updates":[]}`)
}

// TestRacing: commits that ask for nothing wait for each other; of those that ask for
// the same state one wins.
func TestRacing(t *testing.T) { racing(t, start(t)) }

func racing(t *testing.T, w *world) {
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	var wg sync.WaitGroup
	status := make([]int, 16)
	for i := range status {
		wg.Go(func() {
			body := set("k"+strconv.Itoa(i), "v", 0)
			if i >= 8 {
				body = `{"requirements":[{"type":"assert-current-schema-id","current-schema-id":0}],"updates":[{"action":"add-schema","schema":{"type":"struct","schema-id":1,"fields":[{"id":1,"name":"n","type":"long","required":false},{"id":2,"name":"text","type":"string","required":false},{"id":3,"name":"more","type":"string","required":false}]},"last-column-id":3},{"action":"set-current-schema","schema-id":-1}]}`
			}
			status[i] = w.call(t, editor, "POST", calls, body).status
		})
	}
	wg.Wait()
	won := 0
	for i, s := range status {
		switch {
		case i < 8 && (s != 200 || w.property(t, catalogtest.Demo, "raw.calls", "k"+strconv.Itoa(i)) != "v"):
			t.Errorf("commit %d: %d", i, s)
		case i >= 8 && s == 200:
			won++
		case i >= 8 && s != 409:
			t.Errorf("commit %d: %d", i, s)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 schema changes won", won)
	}
}

func txChange(name, requirements, key, value string) string {
	ns, n, _ := strings.Cut(name, ".")
	return fmt.Sprintf(`{"identifier":{"namespace":[%q],"name":%q},"requirements":[%s],"updates":[{"action":"set-properties","updates":{%q:%q}}]}`, ns, n, requirements, key, value)
}

func TestTransaction(t *testing.T) { transaction(t, start(t)) }

func transaction(t *testing.T, w *world) {
	a, b := w.pairs(t, catalogtest.Demo, "raw.a", 1), w.pairs(t, catalogtest.Demo, "raw.b", 1)
	at := func(id int64) string {
		return `{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":` + itoa(id) + `}`
	}
	send := func(status int, kind string, changes ...string) answer {
		t.Helper()
		return w.want(t, status, kind, editor, "POST", "/v1/forge/transactions/commit", `{"table-changes":[`+strings.Join(changes, ",")+`]}`)
	}
	got := func() string {
		return w.property(t, catalogtest.Demo, "raw.a", "p") + w.property(t, catalogtest.Demo, "raw.b", "p")
	}
	send(204, "", txChange("raw.b", at(b.ID), "p", "1"), txChange("raw.a", at(a.ID), "p", "1"))
	if got() != "11" {
		t.Fatalf("p = %s after both changed", got())
	}
	send(409, "CommitFailedException", txChange("raw.a", at(a.ID), "p", "2"), txChange("raw.b", at(7), "p", "2"))
	send(404, "NoSuchTableException", txChange("raw.a", "", "p", "2"), txChange("raw.none", "", "p", "2"))
	send(400, "BadRequestException", txChange("raw.a", "", "p", "2"), txChange("raw.a", "", "p", "3"))
	send(400, "BadRequestException", txChange("raw.a", "", "p", "2"), `{"requirements":[],"updates":[]}`)
	send(400, "BadRequestException")
	if got() != "11" {
		t.Errorf("p = %s: a refused transaction changed a table", got())
	}
}
