package onnx

import (
	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"google.golang.org/protobuf/encoding/protowire"
)

// kinds of messages in onnx.proto, as far as tensors can hide in them.
type kind int

const (
	model kind = iota
	graphProto
	nodeProto
	attribute
	tensorProto
	sparse
	function
)

// inside says which fields of a message hold messages to look into.
var inside = map[kind]map[protowire.Number]kind{
	model:      {7: graphProto, 25: function},
	graphProto: {1: nodeProto, 5: tensorProto, 15: sparse},
	nodeProto:  {5: attribute},
	attribute:  {5: tensorProto, 6: graphProto, 10: tensorProto, 11: graphProto, 22: sparse, 23: sparse},
	sparse:     {1: tensorProto, 2: tensorProto},
	function:   {7: nodeProto, 11: attribute},
}

// Fields of TensorProto that point to a file.
const (
	externalData = 13
	dataLocation = 14
)

// selfContained refuses a model that keeps weights in other files: their paths are
// the model's to choose, and could name any file of this machine. It refuses what is
// not a protocol buffer as well.
func selfContained(data []byte) error { return walk(data, model, 0) }

func walk(b []byte, k kind, depth int) error {
	if depth > 64 {
		return broken("its graphs are nested too deeply")
	}
	for len(b) > 0 {
		field, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return broken("it is not a complete ONNX file")
		}
		b = b[n:]
		if k == tensorProto && (field == externalData || field == dataLocation && typ == protowire.VarintType && len(b) > 0 && b[0] != 0) {
			return broken("it keeps weights in another file; export it as one file")
		}
		n = protowire.ConsumeFieldValue(field, typ, b)
		if n < 0 {
			return broken("it is not a complete ONNX file")
		}
		if sub, ok := inside[k][field]; ok && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			if err := walk(v, sub, depth+1); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

func broken(why string) error {
	return forge.Errorf(forge.KindInvalid, nil, "%s of the model package cannot be used: %s", modelpkg.ModelFile, why)
}
