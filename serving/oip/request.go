package oip

import (
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// request is an infer request for one model, as HTTP carries it.
type request struct {
	Tensors
	id     string
	binary bool // parameters.binary_data_output
	wanted []wanted

	json   fastjson.Reader
	seen   uint8 // keys that were given
	inputs []tensor
}

// wanted is a requested output.
type wanted struct {
	name   string
	binary bool
	given  bool // binary was said
	seen   uint8
}

// tensor is one input as the request describes it.
type tensor struct {
	Tensor
	seen uint8  // keys that were given
	data []byte // JSON that came before the name, type and shape
	read bool   // data has been read
	size int64  // binary_data_size; -1: none
}

// read decodes the JSON part and the binary tensors behind it.
func (q *request) read(doc, blobs []byte, sig serving.Signature, maxRows int) error {
	q.Tensors.Reset(sig, maxRows)
	q.id, q.binary, q.wanted, q.inputs = "", false, q.wanted[:0], q.inputs[:0]
	q.seen = 0
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

// once refuses a key that an object has had: which of the two counts, readers such as a
// proxy's may see otherwise. Keys that the protocol does not have are not looked at.
func once(seen *uint8, key []byte) error {
	for i, k := range [...]string{"id", "name", "datatype", "shape", "parameters", "data", "inputs", "outputs"} {
		if string(key) != k {
			continue
		}
		if *seen&(1<<i) != 0 {
			return invalid("%q is given twice in one object", k)
		}
		*seen |= 1 << i
	}
	return nil
}

func (q *request) top(key []byte) error {
	if err := once(&q.seen, key); err != nil {
		return err
	}
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
	if err := q.Room(len(q.inputs)); err != nil {
		return err
	}
	t := tensor{Tensor: Tensor{Input: -1, Shape: q.spareShape()}, size: -1}
	err := q.json.Object(func(key []byte) error {
		if err := once(&t.seen, key); err != nil {
			return err
		}
		switch string(key) {
		case "name":
			s, err := q.json.String()
			if err != nil {
				return err
			}
			return q.Name(&t.Tensor, s)
		case "datatype":
			s, err := q.json.String()
			t.Datatype = Datatype(s)
			return err
		case "shape":
			return q.json.Array(func(int) error {
				n, err := q.json.Int()
				t.Shape = append(t.Shape, n)
				return err
			})
		case "parameters":
			return q.parameters(func(name string) (err error) {
				if name != "binary_data_size" {
					return q.json.Skip()
				}
				t.size, err = q.json.Int()
				if err == nil && t.size < 0 {
					err = invalid("input %q: binary_data_size is %d", t.Name, t.size)
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
		return q.inputs[: n+1 : n+1][n].Shape[:0]
	}
	return nil
}

// data reads the tensor's JSON data, now if all is known that is needed for it.
func (q *request) data(t *tensor) error {
	if t.Input >= 0 && t.Datatype != "" && len(t.Shape) > 0 {
		t.read = true
		if err := q.Claim(&t.Tensor); err != nil {
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

// finish reads what has been put off: JSON data before its description, and the
// binary tensors, which come one after another in the order of the inputs.
func (q *request) finish(blobs []byte) error {
	var late fastjson.Reader
	for i := range q.inputs {
		t := &q.inputs[i]
		if t.size >= 0 && (t.read || t.data != nil) {
			return invalid("input %q has data and binary_data_size; send one of them", t.Name)
		}
		if t.read {
			continue
		}
		if err := q.Claim(&t.Tensor); err != nil {
			return err
		}
		if t.size < 0 && t.data == nil {
			return invalid("input %q has no data", t.Name)
		}
		if t.data != nil {
			late.Reset(t.data)
			if err := q.jsonTensor(&late, t); err != nil {
				return err
			}
			continue
		}
		if t.size > int64(len(blobs)) {
			return invalid("input %q: binary_data_size is %d, but only %d bytes are left in the body", t.Name, t.size, len(blobs))
		}
		if err := q.Raw(&t.Tensor, blobs[:t.size]); err != nil {
			return err
		}
		blobs = blobs[t.size:]
	}
	if len(blobs) > 0 {
		return invalid("%d bytes are left in the body after the inputs' binary data", len(blobs))
	}
	return q.Complete()
}

func (q *request) output() error {
	var o wanted
	err := q.json.Object(func(key []byte) error {
		if err := once(&o.seen, key); err != nil {
			return err
		}
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
	for _, w := range q.wanted {
		if w.name == o.name {
			return invalid("output %q is asked for twice", o.name)
		}
	}
	if _, err := q.Output(o.name); err != nil {
		return err
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
