package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// port is an input or output as the graph declares it. ONNX Runtime could be asked
// too, but only by loading the model a second time.
type port struct {
	name  string
	form  string  // tensor, or what it is instead
	elem  int     // element type of onnx.proto
	dims  []int64 // -1: free
	shape bool    // a shape is declared
}

// Element types of onnx.proto that a package may have.
const (
	elemFloat  = 1
	elemString = 8
)

var elemNames = map[int]string{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16", 11: "float64"}

func elemName(elem int) string {
	if n, ok := elemNames[elem]; ok {
		return n
	}
	return fmt.Sprintf("type %d of onnx.proto", elem)
}

// ports reads the graph's inputs and outputs out of a model that selfContained has
// passed. Inputs that have an initial value are weights, as old files list them.
func ports(model []byte) (ins, outs []port) {
	weights := map[string]bool{}
	each(field(model, 7), func(n protowire.Number, b []byte) {
		switch n {
		case 5:
			weights[string(field(b, 8))] = true
		case 11:
			ins = append(ins, readPort(b))
		case 12:
			outs = append(outs, readPort(b))
		}
	})
	own := ins[:0]
	for _, p := range ins {
		if !weights[p.name] {
			own = append(own, p)
		}
	}
	return own, outs
}

// readPort reads a ValueInfoProto.
func readPort(b []byte) port {
	p := port{name: string(field(b, 1)), form: "value of no type"}
	each(field(b, 2), func(n protowire.Number, t []byte) {
		switch n {
		case 1:
			p.form = "tensor"
			p.readTensor(t)
		case 4:
			p.form = "sequence"
		case 5:
			p.form = "map"
		case 8:
			p.form = "sparse tensor"
		case 9:
			p.form = "optional value"
		}
	})
	return p
}

func (p *port) readTensor(t []byte) {
	p.elem = int(varint(t, 1))
	each(t, func(n protowire.Number, shape []byte) {
		if n != 2 {
			return
		}
		p.shape = true
		each(shape, func(n protowire.Number, dim []byte) {
			d := int64(-1)
			if v := varint(dim, 1); v > 0 {
				d = int64(v)
			}
			p.dims = append(p.dims, d)
		})
	})
}

// each calls f for the fields of a message that hold bytes.
func each(b []byte, f func(n protowire.Number, v []byte)) {
	for len(b) > 0 {
		n, typ, k := protowire.ConsumeTag(b)
		if k < 0 {
			return
		}
		b = b[k:]
		if k = protowire.ConsumeFieldValue(n, typ, b); k < 0 {
			return
		}
		if typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			f(n, v)
		}
		b = b[k:]
	}
}

// field is the last field of that number that holds bytes; nil if there is none.
func field(b []byte, want protowire.Number) (last []byte) {
	each(b, func(n protowire.Number, v []byte) {
		if n == want {
			last = v
		}
	})
	return last
}

// varint is the last number of that field, 0 if there is none.
func varint(b []byte, want protowire.Number) (last uint64) {
	for len(b) > 0 {
		n, typ, k := protowire.ConsumeTag(b)
		if k < 0 {
			return last
		}
		b = b[k:]
		if k = protowire.ConsumeFieldValue(n, typ, b); k < 0 {
			return last
		}
		if n == want && typ == protowire.VarintType {
			last, _ = protowire.ConsumeVarint(b)
		}
		b = b[k:]
	}
	return last
}
