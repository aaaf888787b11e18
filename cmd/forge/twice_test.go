package main

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"aiforge.dev/forge/ingest"
)

func TestTheSameFileTwiceAddsNothing(t *testing.T) {
	f := shared(t)
	content := orders(500)
	file := write(t, "orders.csv", content)
	var first, second ingest.Load
	f.must(t, &first, "ingest", file, "--table", "twice.orders")
	f.must(t, &second, "ingest", write(t, "renamed.csv", content), "--table", "twice.orders")
	if first.Already || first.Rows != 500 || !second.Already {
		t.Errorf("first %+v, second %+v", first, second)
	}
	if n := f.number(t, "select count(*) from twice.orders"); n != 500 {
		t.Errorf("%d rows of 500", n)
	}
	o := f.forge("ingest", file, "--table", "twice.orders")
	says(t, "the third time", o.out, "already", "nothing was added")
	// Another table, or one more line, is something else.
	f.must(t, &first, "ingest", file, "--table", "twice.others")
	f.must(t, &second, "ingest", write(t, "more.csv", append(content, "501,9.5,x\n"...)), "--table", "twice.orders")
	if first.Already || first.Rows != 500 || second.Already {
		t.Errorf("another table %+v, another file %+v", first, second)
	}
}

func TestTheSameFileAtTheSameTimeAddsOnce(t *testing.T) {
	f := shared(t)
	file := write(t, "orders.csv", orders(5000))
	const n = 4
	loads, errs := make([]ingest.Load, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f.do(&loads[i], "ingest", file, "--table", "twice.atonce") })
	}
	all.Wait()
	fresh := 0
	for i := range n {
		if errs[i] != nil {
			t.Error(errs[i])
		}
		if !loads[i].Already {
			fresh++
		}
	}
	if got := f.number(t, "select count(*) from twice.atonce"); got != 5000 {
		t.Errorf("%d rows of 5000", got)
	}
	if got := f.number(t, "select count(distinct id) from twice.atonce"); got != 5000 {
		t.Errorf("%d different rows of 5000", got)
	}
	if fresh != 1 {
		t.Errorf("%d of %d loads say that they have added the rows", fresh, n)
	}
}

func orders(n int) []byte {
	var b bytes.Buffer
	b.WriteString("id,amount,note\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d.5,\"note, %d\"\n", i, i%90, i)
	}
	return b.Bytes()
}
