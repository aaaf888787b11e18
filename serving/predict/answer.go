package predict

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
	"aiforge.dev/forge/serving/router"
)

// appendAnswer writes {model, version, predictions}. Scores are written with the
// fewest digits that name them among 32-bit floats, as everywhere (serving.Score).
func (q *request) appendAnswer(b []byte, sig serving.Signature, out serving.Output, ids []string) []byte {
	if len(q.ids) > 0 {
		ids = q.ids
	}
	b = fastjson.AppendString(append(b, `{"model":`...), sig.Model)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(sig.Version), 10)
	b = append(b, `,"predictions":[`...)
	for row := range q.batch.N {
		if row > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(append(b, `{"id":`...), ids[row])
		b = appendPrediction(b, sig, out, row)
		if q.features {
			b = AppendFeatures(append(b, `,"features":`...), sig.Inputs, q.batch, row)
		}
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

func appendPrediction(b []byte, sig serving.Signature, out serving.Output, row int) []byte {
	score := sig.ScoreOf(out, row)
	if len(out.Labels) == 0 {
		b = fastjson.AppendFloat32(append(b, `,"value":`...), score)
		return fastjson.AppendFloat32(append(b, `,"score":`...), score)
	}
	b = fastjson.AppendString(append(b, `,"label":`...), out.Labels[row])
	b = fastjson.AppendFloat32(append(b, `,"score":`...), score)
	b = append(b, `,"scores":{`...)
	for k, class := range sig.Classes {
		if k > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(b, class)
		b = fastjson.AppendFloat32(append(b, ':'), out.Scores[row*out.K+k])
	}
	return append(b, '}')
}

// AppendFeatures writes a row's inputs as a JSON object; a missing value is null.
func AppendFeatures(b []byte, inputs []serving.Input, in serving.Batch, row int) []byte {
	b = append(b, '{')
	for i := range inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(fastjson.AppendString(b, inputs[i].Name), ':')
		c := &in.Columns[i]
		switch {
		case inputs[i].Type != serving.String:
			b = fastjson.AppendFloat32(b, c.Floats[row])
		case c.Strings[row] == "":
			b = append(b, "null"...)
		default:
			b = fastjson.AppendString(b, c.Strings[row])
		}
	}
	return append(b, '}')
}

// PredictionIDs appends n ids: the call's 80 random bits and the row. They share the
// memory of one text.
func PredictionIDs(ids []string, n int) []string {
	var raw [10]byte
	_, _ = rand.Read(raw[:]) // never fails
	const head = len("p_") + 2*len(raw) + len("_")
	all := make([]byte, 0, n*(head+5))
	for i := range n {
		all = append(hex.AppendEncode(append(all, "p_"...), raw[:]), '_')
		all = strconv.AppendInt(all, int64(i), 10)
	}
	text := string(all)
	for i := range n {
		size := head + digits(i)
		ids, text = append(ids, text[:size]), text[size:]
	}
	return ids
}

func digits(i int) int {
	n := 1
	for ; i > 9; i /= 10 {
		n++
	}
	return n
}

// Answered is a call that a model has answered. Entities and EventTimes may be empty.
type Answered struct {
	Handle     router.Handle
	Batch      serving.Batch
	Output     serving.Output
	IDs        []string
	Entities   []string
	EventTimes []time.Time
	At         time.Time
	Latency    time.Duration
	Source     string
	By         string
	RequestID  string
}

// Record hands one observation per row to obs.
func Record(obs serving.Observer, scope forge.Scope, a Answered) {
	sig := a.Handle.Signature
	o := serving.Observation{
		At: a.At, Deployment: a.Handle.Deployment, Model: sig.Model, Version: sig.Version,
		Latency: a.Latency, Source: a.Source, By: a.By, RequestID: a.RequestID,
	}
	scores := make([]float64, len(a.Output.Scores))
	for i, s := range a.Output.Scores {
		scores[i] = serving.Score(s)
	}
	var features []byte
	k := a.Output.K
	for row := range a.Batch.N {
		from := len(features)
		features = AppendFeatures(features, sig.Inputs, a.Batch, row)
		o.ID, o.FeaturesJSON = a.IDs[row], features[from:]
		o.Score, o.Scores = serving.Score(sig.ScoreOf(a.Output, row)), scores[row*k:(row+1)*k]
		if len(a.Output.Labels) > 0 {
			o.Label = a.Output.Labels[row]
		}
		if len(a.Entities) > 0 {
			o.Entity = a.Entities[row]
		}
		if len(a.EventTimes) > 0 {
			o.EventTime = a.EventTimes[row]
		}
		obs.Observe(scope, o)
	}
}
