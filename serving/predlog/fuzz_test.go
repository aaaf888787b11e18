package predlog_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/predlog"
)

// FuzzAppendRow: whatever a client sends and a model answers, a row is one line of JSON
// from which the same values come back.
func FuzzAppendRow(f *testing.F) {
	f.Add("p1", `a"b`, "yes", `{"age":41}`, 0.93, int64(1_700_000_000_000_000), int64(1500))
	f.Add("\xff", "\x00\n", "\u2028", "{\n}", math.NaN(), int64(-1), int64(-1))
	f.Add("", "", "", "", math.Inf(1), int64(0), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, id, entity, label, features string, score float64, at, latency int64) {
		if at < -62e15 || at > 253e15 { // years 5 to 9987
			return
		}
		o := &serving.Observation{
			ID: id, Entity: entity, Label: label, FeaturesJSON: []byte(features), Score: score, Scores: []float64{score, -score},
			EventTime: time.UnixMicro(at), Latency: time.Duration(latency), By: entity, RequestID: id,
		}
		line := predlog.AppendRow([]byte("before"), o)
		line, ok := bytes.CutPrefix(line, []byte("before"))
		if !ok || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("not one line: %q", line)
		}
		var row struct {
			ID       string     `json:"prediction_id"`
			Entity   string     `json:"entity"`
			Label    string     `json:"label"`
			Features string     `json:"features"`
			Score    *float64   `json:"score"`
			Scores   string     `json:"scores"`
			Event    *time.Time `json:"event_time"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		for _, pair := range [][2]string{{row.ID, id}, {row.Entity, entity}, {row.Label, label}, {row.Features, features}} {
			if len([]rune(pair[0])) < len([]rune(valid(pair[1]))) || pair[1] == valid(pair[1]) && pair[0] != pair[1] {
				t.Errorf("%q came back as %q", pair[1], pair[0])
			}
		}
		finite := !math.IsNaN(score) && !math.IsInf(score, 0)
		if finite != (row.Score != nil) || finite && *row.Score != score {
			t.Errorf("score %v came back as %v", score, row.Score)
		}
		var scores []*float64
		if err := json.Unmarshal([]byte(row.Scores), &scores); err != nil || len(scores) != 2 {
			t.Errorf("scores %s: %v", row.Scores, err)
		}
		if row.Event == nil || !row.Event.Equal(o.EventTime) {
			t.Errorf("event time %v came back as %v", o.EventTime, row.Event)
		}
	})
}
