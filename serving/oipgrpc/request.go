package oipgrpc

import (
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/oip"
)

// request is a ModelInferRequest. Its parts are kept as they came until the model,
// and with it what the inputs mean, is known.
type request struct {
	oip.Tensors
	name, version, id string

	inputs, outputs, raw [][]byte
	shape                []int64
	wanted               []oip.TensorInfo
}

// scan reads the outermost fields.
func (q *request) scan(b []byte) error {
	q.name, q.version, q.id = "", "", ""
	q.inputs, q.outputs, q.raw, q.wanted = q.inputs[:0], q.outputs[:0], q.raw[:0], q.wanted[:0]
	m := message{b}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		if err != nil {
			return err
		}
		switch f.key {
		case 1<<3 | length:
			q.name = string(f.bytes)
		case 2<<3 | length:
			q.version = string(f.bytes)
		case 3<<3 | length:
			q.id = string(f.bytes)
		case 5<<3 | length:
			q.inputs = append(q.inputs, f.bytes)
		case 6<<3 | length:
			q.outputs = append(q.outputs, f.bytes)
		case 7<<3 | length:
			q.raw = append(q.raw, f.bytes)
		}
	}
	if !utf8.ValidString(q.id) {
		return invalid("the id is not UTF-8")
	}
	return nil
}

// fill puts the inputs into the batch.
func (q *request) fill(sig serving.Signature, maxRows int) error {
	q.Reset(sig, maxRows)
	if len(q.raw) > 0 && len(q.raw) != len(q.inputs) {
		return invalid("there are %d raw_input_contents for %d inputs", len(q.raw), len(q.inputs))
	}
	for i, b := range q.inputs {
		if err := q.Room(i); err != nil {
			return err
		}
		t, contents, err := q.describe(b)
		if err != nil {
			return err
		}
		if err := q.Claim(&t); err != nil {
			return err
		}
		if len(q.raw) == 0 {
			err = q.contents(&t, contents)
		} else if len(contents) > 0 {
			err = invalid("input %q has contents and the request has raw_input_contents; send one of them", t.Name)
		} else {
			err = q.Raw(&t, q.raw[i])
		}
		if err != nil {
			return err
		}
	}
	if err := q.Complete(); err != nil {
		return err
	}
	return q.want(sig)
}

// describe reads an InferInputTensor.
func (q *request) describe(b []byte) (t oip.Tensor, contents []byte, err error) {
	t = oip.Tensor{Input: -1}
	var name []byte
	q.shape = q.shape[:0]
	m := message{b}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		if err != nil {
			return t, nil, err
		}
		switch f.key {
		case 1<<3 | length:
			name = f.bytes
		case 2<<3 | length:
			t.Datatype = oip.Datatype(f.bytes)
		case 3<<3 | varint:
			q.shape = append(q.shape, int64(f.num))
		case 3<<3 | length:
			err = packed(f.bytes, varint, func(x uint64) error { q.shape = append(q.shape, int64(x)); return nil })
		case 4<<3 | length:
			err = parameter(f.bytes)
		case 5<<3 | length:
			contents = join(contents, f.bytes)
		}
		if err != nil {
			return t, nil, err
		}
		if len(q.shape) > 8 {
			return t, nil, invalid("input %q has a shape of more than eight dimensions; want [N] or [N,1]", name)
		}
	}
	t.Shape = q.shape
	return t, contents, q.Name(&t, name)
}

// parameter reads an entry of a parameters map and refuses what cannot be ignored.
func parameter(b []byte) error {
	m := message{b}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		if err != nil {
			return err
		}
		if f.key != 1<<3|length {
			continue
		}
		switch name := string(f.bytes); {
		case strings.HasPrefix(name, "shared_memory"):
			return invalid("shared memory is not there: send the tensors in the request")
		case name == "classification":
			return invalid("the classification extension is not there: ask for the output scores")
		}
	}
	return nil
}

// want reads which outputs are asked for: all, if none is named.
func (q *request) want(sig serving.Signature) error {
	if len(q.outputs) == 0 {
		q.wanted = oip.OutputInfo(sig)
		return nil
	}
	for _, b := range q.outputs {
		name := ""
		m := message{b}
		for f, ok, err := m.next(); ok; f, ok, err = m.next() {
			if err == nil && f.key == 2<<3|length {
				err = parameter(f.bytes)
			}
			if err != nil {
				return err
			}
			if f.key == 1<<3|length {
				name = string(f.bytes)
			}
		}
		for _, t := range q.wanted {
			if t.Name == name {
				return invalid("output %q is asked for twice", name)
			}
		}
		t, err := q.Output(name)
		if err != nil {
			return err
		}
		q.wanted = append(q.wanted, t)
	}
	return nil
}
