package predlog

import (
	"encoding/json"
	"strconv"
	"time"

	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// Column of the prediction log; Type as the lake spells it.
type Column struct{ Name, Type string }

// Columns is the prediction log's schema. features and scores hold JSON text.
func Columns() []Column {
	return []Column{
		{"prediction_id", "string"},
		{"at", "timestamptz"},
		{"deployment", "string"},
		{"model", "string"},
		{"version", "int"},
		{"entity", "string"},
		{"event_time", "timestamptz"},
		{"features", "string"},
		{"label", "string"},
		{"score", "double"},
		{"scores", "string"},
		{"latency_us", "long"},
		{"source", "string"},
		{"by", "string"},
		{"request_id", "string"},
	}
}

// AppendRow appends o as one line of NDJSON with the fields of Columns.
func AppendRow(b []byte, o *serving.Observation) []byte {
	b = text(b, `{"prediction_id":`, o.ID)
	b = moment(b, `,"at":`, o.At)
	b = text(b, `,"deployment":`, o.Deployment)
	b = text(b, `,"model":`, o.Model)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(o.Version), 10)
	b = text(b, `,"entity":`, o.Entity)
	b = moment(b, `,"event_time":`, o.EventTime)
	b = fastjson.AppendBytes(append(b, `,"features":`...), features(o))
	b = text(b, `,"label":`, o.Label)
	b = fastjson.AppendFloat(append(b, `,"score":`...), o.Score)
	b = scores(append(b, `,"scores":"[`...), o.Scores)
	b = strconv.AppendInt(append(b, `]","latency_us":`...), o.Latency.Microseconds(), 10)
	b = text(b, `,"source":`, o.Source)
	b = text(b, `,"by":`, o.By)
	b = text(b, `,"request_id":`, o.RequestID)
	return append(b, '}', '\n')
}

func text(b []byte, key, value string) []byte {
	return fastjson.AppendString(append(b, key...), value)
}

func moment(b []byte, key string, t time.Time) []byte {
	b = append(b, key...)
	if t.IsZero() {
		return append(b, "null"...)
	}
	return append(t.UTC().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000000Z"), '"')
}

func scores(b []byte, all []float64) []byte {
	for i, x := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendFloat(b, x)
	}
	return b
}

func features(o *serving.Observation) []byte {
	if o.FeaturesJSON != nil {
		return o.FeaturesJSON
	}
	if len(o.Features) == 0 {
		return noFeatures
	}
	b, err := json.Marshal(o.Features)
	if err != nil {
		return noFeatures // NaN and the like: the caller sends nil for a missing value
	}
	return b
}

var noFeatures = []byte("{}")
