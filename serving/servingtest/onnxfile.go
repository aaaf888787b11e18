package servingtest

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// graph builds a small ONNX file by hand: the wire format is stable and a test needs
// neither Python nor a generated package for it. Field numbers are those of onnx.proto.
type graph struct {
	nodes, inputs, outputs [][]byte
}

// Element types of onnx.proto.
const (
	elemFloat  = 1
	elemInt64  = 7
	elemString = 8
)

// dimension of a declared shape: a number, or -1 for the free batch axis.
func (g *graph) input(name string, elem int, dims ...int) {
	g.inputs = append(g.inputs, valueInfo(name, elem, dims))
}

func (g *graph) output(name string, elem int, dims ...int) {
	g.outputs = append(g.outputs, valueInfo(name, elem, dims))
}

func (g *graph) node(domain, op string, in, out []string, attrs ...[]byte) {
	var b []byte
	for _, s := range in {
		b = text(b, 1, s)
	}
	for _, s := range out {
		b = text(b, 2, s)
	}
	b = text(b, 4, op)
	for _, a := range attrs {
		b = message(b, 5, a)
	}
	g.nodes = append(g.nodes, text(b, 7, domain))
}

// encode returns the file: IR 8, opset 17, ai.onnx.ml 3.
func (g *graph) encode() []byte {
	var b []byte
	for _, n := range g.nodes {
		b = message(b, 1, n)
	}
	b = text(b, 2, "test")
	for _, v := range g.inputs {
		b = message(b, 11, v)
	}
	for _, v := range g.outputs {
		b = message(b, 12, v)
	}
	m := number(nil, 1, 8)
	m = message(m, 7, b)
	m = message(m, 8, number(text(nil, 1, ""), 2, 17))
	return message(m, 8, number(text(nil, 1, ml), 2, 3))
}

const ml = "ai.onnx.ml"

func valueInfo(name string, elem int, dims []int) []byte {
	var shape []byte
	for _, d := range dims {
		dim := text(nil, 2, "N")
		if d >= 0 {
			dim = number(nil, 1, d)
		}
		shape = message(shape, 1, dim)
	}
	tensor := message(number(nil, 1, elem), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

func attrInt(name string, v int) []byte {
	return number(number(text(nil, 1, name), 3, v), 20, 2)
}

func attrFloat(name string, v float32) []byte {
	b := protowire.AppendTag(text(nil, 1, name), 2, protowire.Fixed32Type)
	return number(protowire.AppendFixed32(b, math.Float32bits(v)), 20, 1)
}

func attrText(name, v string) []byte {
	return number(text(text(nil, 1, name), 4, v), 20, 3)
}

func attrFloats(name string, vs []float32) []byte {
	b := text(nil, 1, name)
	for _, v := range vs {
		b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(v))
	}
	return number(b, 20, 6)
}

func attrInts(name string, vs []int) []byte {
	b := text(nil, 1, name)
	for _, v := range vs {
		b = number(b, 8, v)
	}
	return number(b, 20, 7)
}

func attrTexts(name string, vs []string) []byte {
	b := text(nil, 1, name)
	for _, v := range vs {
		b = text(b, 9, v)
	}
	return number(b, 20, 8)
}

func number(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}
