package duck_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"testing"

	"aiforge.dev/forge/internal/arrowjson"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

// FuzzFrames: bytes are frames up to the first that is broken, each frame reads back as
// it was written, and a promise of much takes no memory.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("q\x00\x00\x00\x02{}"))
	f.Add([]byte("d\x03\xff\xff\xff"))
	f.Add([]byte("d\xff\xff\xff\xffx"))
	f.Add(binary.BigEndian.AppendUint32([]byte{'z'}, 1<<20+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		kinds, payloads, err := duck.Frames(data)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20+uint64(8*len(data)) {
			t.Errorf("%d bytes took %d", len(data), got)
		}
		if err == nil {
			t.Fatal("the end is no error")
		}
		var again []byte
		for i, p := range payloads {
			b, err := duck.Frame(kinds[i], p)
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, b...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("%q read back as %q", data, again)
		}
	})
}

// FuzzAnswer: whatever stream a worker that is not ours any more writes, the server gets
// rows that it can send on, or an error.
func FuzzAnswer(f *testing.F) {
	for _, sql := range answers {
		header, stream := answer(f, sql)
		f.Add(header, stream)
	}
	f.Fuzz(func(_ *testing.T, header, stream []byte) { readAnswer(header, stream) })
}

var answers = []string{
	"SELECT i, 'text ' || i AS s, i / 3 AS d, i::DECIMAL(9,2) AS m, i::VARCHAR::BLOB AS b, now() AS t, DATE '2026-01-01' AS n, i % 2 = 0 AS o FROM range(5) r(i)",
	"SELECT uuid() AS u, TIME '10:00:00' AS c, NULL::INT AS x, NULL::VARCHAR AS y",
	"SELECT 1 AS x WHERE false",
}

// answer is a worker's header and Arrow stream for a query.
func answer(t testing.TB, sql string) (header, stream []byte) {
	t.Helper()
	kinds, payloads, _ := duck.Frames(laketest.Must(duck.Recorded(sql)))
	for i, k := range kinds {
		switch k {
		case 'h':
			header = payloads[i]
		case 'd':
			stream = append(stream, payloads[i]...)
		}
	}
	return header, stream
}

// readAnswer uses every value of an answer and counts its rows.
func readAnswer(header, stream []byte) (rows int) {
	var data []byte
	for _, frame := range [][2][]byte{{[]byte("h"), header}, {[]byte("d"), stream}, {[]byte("z"), []byte("{}")}} {
		data = append(data, laketest.Must(duck.Frame(frame[0][0], frame[1]))...)
	}
	res, err := duck.Answer(context.Background(), data)
	if err != nil {
		return 0
	}
	defer res.Close() //nolint:errcheck // a test's
	for {
		batch, err := res.Next(context.Background())
		if err != nil {
			return rows
		}
		rows += int(batch.NumRows())
		for i := range int(min(batch.NumRows(), 100)) {
			_ = arrowjson.AppendRow(nil, batch, i)
			for _, col := range batch.Columns() {
				_ = lake.Value(col, i)
			}
		}
	}
}

// Every byte of an answer can be wrong.
func TestBrokenAnswers(t *testing.T) {
	for i, sql := range answers {
		header, stream := answer(t, sql)
		if got, want := readAnswer(header, stream), []int{5, 1, 0}[i]; got != want {
			t.Errorf("%d rows of an answer that is whole, want %d", got, want)
		}
		for at := range stream {
			for _, wrong := range []byte{0x7f, 0xff, stream[at] ^ 0x80} {
				broken := bytes.Clone(stream)
				broken[at] = wrong
				readAnswer(header, broken)
			}
		}
	}
}
