package oip

import (
	"bytes"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// request is an infer request for one model.
type request struct {
	id     string
	batch  serving.Batch
	n      int  // rows; -1 until an input has said so
	binary bool // parameters.binary_data_output
	wanted []wanted

	sig     serving.Signature
	maxRows int
	json    fastjson.Reader
	inputs  []tensor
	filled  []bool // per input of the model
}

// wanted is a requested output.
type wanted struct {
	name   string
	binary bool
	given  bool // binary was said
}

// tensor is one input as the request describes it.
type tensor struct {
	name     string
	input    int // in the signature; -1 until the name is known
	datatype string
	shape    []int64
	data     []byte // JSON that came before the name, type and shape
	read     bool   // data has been read
	size     int64  // binary_data_size; -1: none
}

// read decodes the JSON part and the binary tensors behind it.
func (q *request) read(doc, blobs []byte, sig serving.Signature, maxRows int) error {
	q.sig, q.maxRows, q.n, q.id, q.binary = sig, maxRows, -1, "", false
	q.batch.Reset(sig.Inputs)
	q.wanted, q.inputs = q.wanted[:0], q.inputs[:0]
	q.filled = append(q.filled[:0], make([]bool, len(sig.Inputs))...)
	q.json.Reset(doc)
	if q.json.Peek() == 0 {
		return invalid(`the request is empty; send {"inputs": [{"name": …, "shape": …, "datatype": …, "data": […]}]}`)
	}
	if err := q.json.Object(q.top); err != nil {
		return err
	}
	if err := q.json.End(); err != nil {
		return err
	}
	return q.finish(blobs)
}

func invalid(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}

func (q *request) top(key []byte) error {
	switch string(key) {
	case "id":
		s, err := q.json.String()
		q.id = string(s)
		return err
	case "inputs":
		return q.json.Array(func(int) error { return q.input() })
	case "outputs":
		return q.json.Array(func(int) error { return q.output() })
	case "parameters":
		return q.parameters(func(name string) error {
			if name != "binary_data_output" {
				return q.json.Skip()
			}
			b, err := q.json.Bool()
			q.binary = b
			return err
		})
	}
	return q.json.Skip() // the protocol lets clients add fields
}

// parameters reads a parameters object; f must read the value.
func (q *request) parameters(f func(name string) error) error {
	return q.json.Object(func(key []byte) error {
		name := string(key)
		if strings.HasPrefix(name, "shared_memory") {
			return invalid("shared memory is not there: send the tensors in the request")
		}
		return f(name)
	})
}

func (q *request) input() error {
	if len(q.inputs) >= len(q.sig.Inputs) {
		return invalid("the request has more inputs than the model, which has %d", len(q.sig.Inputs))
	}
	t := tensor{input: -1, size: -1, shape: q.spareShape()}
	err := q.json.Object(func(key []byte) error {
		switch string(key) {
		case "name":
			return q.name(&t)
		case "datatype":
			s, err := q.json.String()
			t.datatype = datatypeName(s)
			return err
		case "shape":
			return q.json.Array(func(int) error {
				n, err := q.json.Int()
				t.shape = append(t.shape, n)
				return err
			})
		case "parameters":
			return q.parameters(func(name string) (err error) {
				if name != "binary_data_size" {
					return q.json.Skip()
				}
				t.size, err = q.json.Int()
				if err == nil && t.size < 0 {
					err = invalid("input %q: binary_data_size is %d", t.name, t.size)
				}
				return err
			})
		case "data":
			return q.data(&t)
		}
		return q.json.Skip()
	})
	q.inputs = append(q.inputs, t)
	return err
}

// spareShape is the memory that this input's shape had in the request before.
func (q *request) spareShape() []int64 {
	if n := len(q.inputs); n < cap(q.inputs) {
		return q.inputs[: n+1 : n+1][n].shape[:0]
	}
	return nil
}

func (q *request) name(t *tensor) error {
	s, err := q.json.String()
	if err != nil {
		return err
	}
	for i := range q.sig.Inputs {
		if q.sig.Inputs[i].Name == string(s) {
			t.name, t.input = q.sig.Inputs[i].Name, i
			return nil
		}
	}
	names := make([]string, len(q.sig.Inputs))
	for i, in := range q.sig.Inputs {
		names[i] = in.Name
	}
	return invalid("the model has no input %q; its inputs are %s", s, strings.Join(names, ", "))
}

// data reads the tensor's JSON data, now if all is known that is needed for it.
func (q *request) data(t *tensor) error {
	if t.read || t.data != nil {
		return invalid("input %q has data twice", t.name)
	}
	if t.input >= 0 && t.datatype != "" && len(t.shape) > 0 {
		t.read = true
		if err := q.claim(t); err != nil {
			return err
		}
		return q.jsonTensor(&q.json, t)
	}
	q.json.Peek()
	from := q.json.Offset()
	rest := q.json.Rest()
	if err := q.json.Skip(); err != nil {
		return err
	}
	t.data = rest[:q.json.Offset()-from]
	return nil
}

// claim checks a tensor's description and takes its place in the batch.
func (q *request) claim(t *tensor) error {
	switch {
	case t.input < 0:
		return invalid("an input has no name")
	case t.datatype == "":
		return invalid("input %q has no datatype", t.name)
	case len(t.shape) == 0:
		return invalid("input %q has no shape", t.name)
	case q.filled[t.input]:
		return invalid("input %q is given twice", t.name)
	}
	q.filled[t.input] = true
	if err := fits(q.sig.Inputs[t.input], t); err != nil {
		return err
	}
	n := t.shape[0]
	if len(t.shape) > 2 || len(t.shape) == 2 && t.shape[1] != 1 || n < 1 {
		return invalid("input %q has the shape %v; want [N] or [N,1] with at least one row", t.name, t.shape)
	}
	if n > int64(q.maxRows) {
		return invalid("input %q has %d rows; at most %d go in one call: send them in parts, or score a table with forge batch-score", t.name, n, q.maxRows)
	}
	if q.n < 0 {
		q.n = int(n)
		for range q.n {
			q.batch.AddRow(q.sig.Inputs)
		}
	}
	if int(n) != q.n {
		return invalid("input %q has %d rows, another input has %d", t.name, n, q.n)
	}
	return nil
}

// finish reads what has been put off: JSON data before its description, and the
// binary tensors, which come one after another in the order of the inputs.
func (q *request) finish(blobs []byte) error {
	var late fastjson.Reader
	for i := range q.inputs {
		t := &q.inputs[i]
		if t.size >= 0 && (t.read || t.data != nil) {
			return invalid("input %q has data and binary_data_size; send one of them", t.name)
		}
		if t.read {
			continue
		}
		if err := q.claim(t); err != nil {
			return err
		}
		if t.size < 0 && t.data == nil {
			return invalid("input %q has no data", t.name)
		}
		if t.data != nil {
			late.Reset(t.data)
			if err := q.jsonTensor(&late, t); err != nil {
				return err
			}
			continue
		}
		if t.size > int64(len(blobs)) {
			return invalid("input %q: binary_data_size is %d, but only %d bytes are left in the body", t.name, t.size, len(blobs))
		}
		if err := q.binaryTensor(blobs[:t.size], t); err != nil {
			return err
		}
		blobs = blobs[t.size:]
	}
	if len(blobs) > 0 {
		return invalid("%d bytes are left in the body after the inputs' binary data", len(blobs))
	}
	for i, ok := range q.filled {
		if !ok {
			return invalid("input %q is missing", q.sig.Inputs[i].Name)
		}
	}
	return nil
}

func (q *request) output() error {
	var o wanted
	err := q.json.Object(func(key []byte) error {
		switch string(key) {
		case "name":
			s, err := q.json.String()
			o.name = string(s)
			return err
		case "parameters":
			return q.parameters(func(name string) (err error) {
				switch name {
				case "binary_data":
					o.given = true
					o.binary, err = q.json.Bool()
					return err
				case "classification":
					return invalid("the classification extension is not there: ask for the output scores")
				}
				return q.json.Skip()
			})
		}
		return q.json.Skip()
	})
	if err != nil {
		return err
	}
	return q.want(o)
}

func (q *request) want(o wanted) error {
	var have []string
	known := false
	for _, t := range outputInfo(q.sig) {
		have = append(have, t.Name)
		known = known || t.Name == o.name
	}
	if !known {
		return invalid("the model has no output %q; its outputs are %s", o.name, strings.Join(have, ", "))
	}
	for _, w := range q.wanted {
		if w.name == o.name {
			return invalid("output %q is asked for twice", o.name)
		}
	}
	q.wanted = append(q.wanted, o)
	return nil
}

// split cuts a body into its JSON and what follows, as the header says.
func split(body []byte, header string, length int64, given bool) (doc, blobs []byte, err error) {
	if !given {
		return body, nil, nil
	}
	if length < 0 || length > int64(len(body)) {
		return nil, nil, invalid("Inference-Header-Content-Length is %s, and the body has %d bytes", header, len(body))
	}
	return body[:length:length], body[length:], nil
}

var datatypes = []string{"FP32", "FP64", "FP16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL", "BYTES"}

// datatypeName is s without a copy if it is known.
func datatypeName(s []byte) string {
	for _, d := range datatypes {
		if bytes.Equal(s, []byte(d)) {
			return d
		}
	}
	return string(s)
}

// fits checks a tensor's datatype against the model's input.
func fits(in serving.Input, t *tensor) error {
	isText := t.datatype == "BYTES"
	if in.Type == serving.String && !isText {
		return invalid("input %q has the datatype %s; it takes BYTES", t.name, t.datatype)
	}
	if in.Type != serving.String && (isText || !known(t.datatype)) {
		return invalid("input %q has the datatype %s; it takes FP32, and FP64, FP16, BOOL and INT8 to UINT64 too", t.name, t.datatype)
	}
	return nil
}

func known(datatype string) bool {
	for _, d := range datatypes {
		if d == datatype {
			return true
		}
	}
	return false
}
