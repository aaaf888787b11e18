package laketest

import (
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Pairs is the schema of the small tables in tests: n and text "row N".
var Pairs = lake.Schema{Columns: []lake.Column{{Name: "n", Type: lake.Long}, {Name: "text", Type: lake.String}}}

// Name parses a table name that is known to be right.
func Name(s string) forge.TableName { return Must(forge.ParseTableName(s)) }

// Must is for calls that cannot fail in a test that makes sense; the panic fails it.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// WantKind fails the test unless err has the kind.
func WantKind(t testing.TB, err error, kind forge.Kind) {
	t.Helper()
	if err == nil || forge.KindOf(err) != kind {
		t.Errorf("error = %v (%s), want one of kind %s", err, forge.KindOf(err), kind)
	}
}

// RowsOf adds up the rows of files.
func RowsOf(files []lake.DataFile) (n int64) {
	for _, f := range files {
		n += f.Rows
	}
	return n
}

// WritePairs writes rows from (included) to to (excluded) as a data file.
func WritePairs(t testing.TB, tables lake.Tables, scope forge.Scope, name forge.TableName, from, to int) lake.DataFile {
	w := Must(tables.NewWriter(t.Context(), scope, name))
	schema := Must(Pairs.Arrow())
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := from; i < to; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append("row " + string(rune('a'+i%26)))
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	if err := w.Write(batch); err != nil {
		w.Abort()
		panic(err)
	}
	return Must(w.Close())
}
