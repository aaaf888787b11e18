package oip

import (
	"math"
	"strings"

	"aiforge.dev/forge/serving"
)

// Tensors collects the input tensors of one request into the batch of a model. Both
// forms of the protocol, HTTP and gRPC, fill it by the same rules: Name, then Claim,
// then the values; Complete at the end. It is used again after Reset.
type Tensors struct {
	Batch serving.Batch
	N     int // rows; -1 until an input has said so

	sig     serving.Signature
	maxRows int
	filled  []bool // per input of the model
}

// Tensor is one input as the request describes it.
type Tensor struct {
	Name     string
	Input    int // in the signature; -1 until the name is known
	Datatype string
	Shape    []int64
}

// Reset begins a request for a model.
func (q *Tensors) Reset(sig serving.Signature, maxRows int) {
	q.sig, q.maxRows, q.N = sig, maxRows, -1
	q.Batch.Reset(sig.Inputs)
	q.filled = append(q.filled[:0], make([]bool, len(sig.Inputs))...)
}

// Room refuses another input when the model has no more than have come.
func (q *Tensors) Room(have int) error {
	if have < len(q.sig.Inputs) {
		return nil
	}
	return invalid("the request has more inputs than the model, which has %d", len(q.sig.Inputs))
}

// Name finds the model's input that a tensor is.
func (q *Tensors) Name(t *Tensor, name []byte) error {
	for i := range q.sig.Inputs {
		if q.sig.Inputs[i].Name == string(name) {
			t.Name, t.Input = q.sig.Inputs[i].Name, i
			return nil
		}
	}
	names := make([]string, len(q.sig.Inputs))
	for i, in := range q.sig.Inputs {
		names[i] = in.Name
	}
	return invalid("the model has no input %q; its inputs are %s", name, strings.Join(names, ", "))
}

// Claim checks a tensor's description and takes its place in the batch.
func (q *Tensors) Claim(t *Tensor) error {
	switch {
	case t.Input < 0:
		return invalid("an input has no name")
	case t.Datatype == "":
		return invalid("input %q has no datatype", t.Name)
	case len(t.Shape) == 0:
		return invalid("input %q has no shape", t.Name)
	case q.filled[t.Input]:
		return invalid("input %q is given twice", t.Name)
	}
	q.filled[t.Input] = true
	if err := fits(q.sig.Inputs[t.Input], t); err != nil {
		return err
	}
	n := t.Shape[0]
	if len(t.Shape) > 2 || len(t.Shape) == 2 && t.Shape[1] != 1 || n < 1 {
		return invalid("input %q has the shape %v; want [N] or [N,1] with at least one row", t.Name, t.Shape)
	}
	if n > int64(q.maxRows) {
		return invalid("input %q has %d rows; at most %d go in one call: send them in parts, or score a table with forge batch-score", t.Name, n, q.maxRows)
	}
	if q.N < 0 {
		q.N = int(n)
		for range q.N {
			q.Batch.AddRow(q.sig.Inputs)
		}
	}
	if int(n) != q.N {
		return invalid("input %q has %d rows, another input has %d", t.Name, n, q.N)
	}
	return nil
}

// Complete refuses a request that leaves an input out.
func (q *Tensors) Complete() error {
	for i, ok := range q.filled {
		if !ok {
			return invalid("input %q is missing", q.sig.Inputs[i].Name)
		}
	}
	return nil
}

// Output finds the model's output of a name.
func (q *Tensors) Output(name string) (TensorInfo, error) {
	all := OutputInfo(q.sig)
	have := make([]string, len(all))
	for i, t := range all {
		if t.Name == name {
			return t, nil
		}
		have[i] = t.Name
	}
	return TensorInfo{}, invalid("the model has no output %q; its outputs are %s", name, strings.Join(have, ", "))
}

// fits checks a tensor's datatype against the model's input.
func fits(in serving.Input, t *Tensor) error {
	isText := t.Datatype == "BYTES"
	if in.Type == serving.String && !isText {
		return invalid("input %q has the datatype %s; it takes BYTES", t.Name, t.Datatype)
	}
	if in.Type != serving.String && (isText || !known(t.Datatype)) {
		return invalid("input %q has the datatype %s; it takes FP32, and FP64, FP16, BOOL and INT8 to UINT64 too", t.Name, t.Datatype)
	}
	return nil
}

var datatypes = []string{"FP32", "FP64", "FP16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL", "BYTES"}

// Datatype is s as text, without a copy if it is known.
func Datatype(s []byte) string {
	for _, d := range datatypes {
		if string(s) == d {
			return d
		}
	}
	return string(s)
}

func known(datatype string) bool {
	for _, d := range datatypes {
		if d == datatype {
			return true
		}
	}
	return false
}

// IntRange is what an integer datatype holds, within 64 bits with a sign.
func IntRange(datatype string) (low, high int64) {
	switch datatype {
	case "INT8":
		return math.MinInt8, math.MaxInt8
	case "INT16":
		return math.MinInt16, math.MaxInt16
	case "INT32":
		return math.MinInt32, math.MaxInt32
	case "UINT8":
		return 0, math.MaxUint8
	case "UINT16":
		return 0, math.MaxUint16
	case "UINT32":
		return 0, math.MaxUint32
	case "UINT64":
		return 0, math.MaxInt64
	}
	return math.MinInt64, math.MaxInt64
}
