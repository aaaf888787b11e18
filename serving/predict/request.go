package predict

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// request is {rows or entities, ids, event_times, features}.
type request struct {
	batch    serving.Batch
	entities []map[string]string
	ids      []string
	times    []time.Time
	features bool

	json    fastjson.Reader
	sig     serving.Signature
	maxRows int
	given   map[string]bool
	order   []int // which input the n-th field of the row before was
	seen    []int // row (from 1) in which an input was given last
}

var topFields = []string{"rows", "entities", "ids", "event_times", "features"}

func (q *request) reset(sig serving.Signature, maxRows int) {
	q.sig, q.maxRows, q.features = sig, maxRows, false
	q.batch.Reset(sig.Inputs)
	clear(q.entities)
	q.entities, q.ids, q.times, q.order = q.entities[:0], q.ids[:0], q.times[:0], q.order[:0]
	if cap(q.seen) < len(sig.Inputs) {
		q.seen = make([]int, len(sig.Inputs))
	}
	q.seen = q.seen[:len(sig.Inputs)]
	clear(q.seen)
	if q.given == nil {
		q.given = map[string]bool{}
	}
	clear(q.given)
}

// read decodes body for a model.
func (q *request) read(body []byte, sig serving.Signature, maxRows int) error {
	q.reset(sig, maxRows)
	q.json.Reset(body)
	if q.json.Peek() == 0 {
		return forge.Errorf(forge.KindInvalid, nil, `the request is empty; send {"rows": [{…}]} or {"entities": [{…}]}`)
	}
	if err := q.json.Object(q.top); err != nil {
		return err
	}
	if err := q.json.End(); err != nil {
		return err
	}
	return q.check()
}

func (q *request) top(key []byte) error {
	if q.given[string(key)] {
		return q.json.Fail("%q is given twice", key)
	}
	q.given[string(key)] = true
	switch string(key) {
	case "rows":
		return q.json.Array(q.row)
	case "entities":
		return q.json.Array(q.entity)
	case "ids":
		return q.json.Array(q.id)
	case "event_times":
		return q.json.Array(q.time)
	case "features":
		b, err := q.json.Bool()
		q.features = b
		return err
	}
	return q.json.Fail("%q is not a field of a prediction request; there are %s", key, strings.Join(topFields, ", "))
}

func (q *request) check() error {
	n := q.batch.N + len(q.entities)
	switch {
	case q.given["rows"] == q.given["entities"]:
		return forge.Errorf(forge.KindInvalid, nil, "send either rows or entities")
	case n == 0:
		return forge.Errorf(forge.KindInvalid, nil, "there are no rows to predict")
	case q.given["ids"] && len(q.ids) != n:
		return forge.Errorf(forge.KindInvalid, nil, "%d ids for %d rows", len(q.ids), n)
	case q.given["event_times"] && len(q.times) != n:
		return forge.Errorf(forge.KindInvalid, nil, "%d event_times for %d rows", len(q.times), n)
	}
	return nil
}

func (q *request) tooMany(i int) error {
	if i < q.maxRows {
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "more than %d rows in one call: send them in parts, or score a table with forge batch-score", q.maxRows)
}

func (q *request) row(i int) error {
	if err := q.tooMany(i); err != nil {
		return err
	}
	q.batch.AddRow(q.sig.Inputs)
	n := 0
	return q.json.Object(func(key []byte) error {
		input := q.input(n, key)
		n++
		if input < 0 {
			return q.unknown(i, key)
		}
		if q.seen[input] == i+1 {
			return at(q.json.Fail("field %q is given twice", key), "rows", i, string(key))
		}
		q.seen[input] = i + 1
		if err := q.value(input, i); err != nil {
			return at(err, "rows", i, q.sig.Inputs[input].Name)
		}
		return nil
	})
}

// input finds the input that the n-th field of a row is. Rows mostly have their
// fields in the same order, so the row before is asked first.
func (q *request) input(n int, key []byte) int {
	if n < len(q.order) && q.sig.Inputs[q.order[n]].Name == string(key) {
		return q.order[n]
	}
	for i := range q.sig.Inputs {
		if q.sig.Inputs[i].Name != string(key) {
			continue
		}
		if n == len(q.order) {
			q.order = append(q.order, i)
		} else if n < len(q.order) {
			q.order[n] = i
		}
		return i
	}
	return -1
}

func (q *request) unknown(row int, key []byte) error {
	names := make([]string, len(q.sig.Inputs))
	for i, in := range q.sig.Inputs {
		names[i] = in.Name
	}
	return at(forge.Errorf(forge.KindInvalid, nil, "%q is not an input of model %s version %d%s; its inputs are %s", key, q.sig.Model, q.sig.Version, nearest.Meant(string(key), names), strings.Join(names, ", ")), "rows", row, string(key))
}

// value reads one cell. A number must be one that float32 can hold; text is text.
func (q *request) value(input, row int) error {
	in := q.sig.Inputs[input]
	c := q.json.Peek()
	if c == 'n' && q.json.Null() {
		return nil
	}
	column := &q.batch.Columns[input]
	if in.Type == serving.String {
		if c != '"' {
			return q.json.Fail("input %q takes text; write it in quotes, or null if it is missing", in.Name)
		}
		s, err := q.json.String()
		if err == nil {
			column.Strings[row] = string(s)
		}
		return err
	}
	switch c {
	case '"':
		return q.json.Fail("input %q takes a number; write it without quotes, or null if it is missing", in.Name)
	case 't', 'f':
		b, err := q.json.Bool()
		column.Floats[row] = serving.Bool(b)
		return err
	}
	x, err := q.json.Number()
	if err != nil {
		return err
	}
	f, ok := serving.Narrow(x)
	if !ok {
		return q.json.Fail("%v is too large for input %q, which is a 32-bit float", x, in.Name)
	}
	column.Floats[row] = f
	return nil
}

func (q *request) entity(i int) error {
	if err := q.tooMany(i); err != nil {
		return err
	}
	keys := map[string]string{}
	err := q.json.Object(func(key []byte) error {
		k := string(key)
		if _, twice := keys[k]; twice {
			return q.json.Fail("key %q is given twice", k)
		}
		v, err := q.text()
		keys[k] = v
		return err
	})
	if err == nil && len(keys) == 0 {
		err = forge.Errorf(forge.KindInvalid, nil, "an entity needs its key, for example {\"call_id\": \"7\"}")
	}
	q.entities = append(q.entities, keys)
	if err != nil {
		return at(err, "entities", i, "")
	}
	return nil
}

// text reads text, or a whole number as its decimal text.
func (q *request) text() (string, error) {
	if q.json.Peek() == '"' {
		s, err := q.json.String()
		return string(s), err
	}
	n, err := q.json.Int()
	if err != nil {
		return "", q.json.Fail("want text or a whole number")
	}
	return strconv.FormatInt(n, 10), nil
}

func (q *request) id(i int) error {
	if err := q.tooMany(i); err != nil {
		return err
	}
	s, err := q.text()
	q.ids = append(q.ids, s)
	if err != nil {
		return at(err, "ids", i, "")
	}
	return nil
}

func (q *request) time(i int) error {
	if err := q.tooMany(i); err != nil {
		return err
	}
	if q.json.Null() {
		q.times = append(q.times, time.Time{})
		return nil
	}
	s, err := q.json.String()
	if err != nil {
		return at(err, "event_times", i, "")
	}
	t, err := time.Parse(time.RFC3339Nano, string(s))
	if err != nil {
		return at(q.json.Fail("%q is not a time such as 2009-06-01T00:00:00Z", s), "event_times", i, "")
	}
	q.times = append(q.times, t)
	return nil
}

// subjects says what each row is about: the caller's id, else the entity's key values
// in the order of the keys' names.
func (q *request) subjects() []string {
	if len(q.ids) > 0 || len(q.entities) == 0 {
		return q.ids
	}
	out := make([]string, len(q.entities))
	for i, keys := range q.entities {
		names := make([]string, 0, len(keys))
		for k := range keys {
			names = append(names, k)
		}
		sort.Strings(names)
		for j, k := range names {
			names[j] = keys[k]
		}
		out[i] = strings.Join(names, "|")
	}
	return out
}

// at adds the place in the request to an error.
func at(err error, list string, i int, field string) error {
	path := fmt.Sprintf("%s[%d]", list, i)
	if field != "" {
		path += "." + field
	}
	var e *forge.Error
	if !errors.As(err, &e) || len(e.Detail) > 0 {
		return err
	}
	out := forge.Errorf(e.Kind, err, "%s: %s", path, e.Text)
	return out.With(forge.FieldError{Path: path, Text: e.Text})
}
