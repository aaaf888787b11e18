package onnx

import (
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	ort "github.com/yalue/onnxruntime_go"
)

// tensor is what an input or output of the graph must be. Rank 1 is allowed for a
// column of labels or values; width is the second dimension, 0 when there is none.
type tensor struct {
	name  string
	elem  ort.TensorElementDataType
	width int64
	flat  bool // one dimension is allowed too
}

// match compares the graph's inputs and outputs with the manifest: names, types and
// shapes, with a batch axis that is free.
func match(m modelpkg.Manifest, ins, outs []ort.InputOutputInfo) error {
	var want []tensor
	for _, in := range m.Inputs {
		elem := ort.TensorElementDataType(ort.TensorElementDataTypeFloat)
		if in.Type == modelpkg.String {
			elem = ort.TensorElementDataTypeString
		}
		want = append(want, tensor{name: in.Name, elem: elem, width: 1})
	}
	if err := compare("input", want, ins, false); err != nil {
		return err
	}
	if m.Task == modelpkg.Regression {
		return compare("output", []tensor{{name: m.Outputs.Value, elem: ort.TensorElementDataTypeFloat, width: 1, flat: true}}, outs, true)
	}
	return compare("output", []tensor{
		{name: m.Outputs.Label, elem: ort.TensorElementDataTypeString, flat: true},
		{name: m.Outputs.Scores, elem: ort.TensorElementDataTypeFloat, width: int64(len(m.Classes))},
	}, outs, true)
}

func compare(what string, want []tensor, have []ort.InputOutputInfo, output bool) error {
	for _, w := range want {
		i := slices.IndexFunc(have, func(h ort.InputOutputInfo) bool { return h.Name == w.name })
		if i < 0 {
			return unfit("the graph has no %s %q; it has %s", what, w.name, nameList(have))
		}
		if err := w.accepts(what, have[i], output); err != nil {
			return err
		}
	}
	for _, h := range have {
		if !slices.ContainsFunc(want, func(w tensor) bool { return w.name == h.Name }) {
			return unfit("the graph has an %s %q that the manifest does not name", what, h.Name)
		}
	}
	return nil
}

func (w tensor) accepts(what string, h ort.InputOutputInfo, output bool) error {
	if h.OrtValueType != ort.ONNXTypeTensor {
		return unfit("%s %q is a %s, not a tensor; export the model without ZipMap", what, w.name, h.OrtValueType)
	}
	if h.DataType != w.elem {
		return unfit("%s %q has the type %s, want %s", what, w.name, elemName(h.DataType), elemName(w.elem))
	}
	dims := h.Dimensions
	if output && len(dims) == 0 {
		return nil // not declared; the first run shows it
	}
	if w.flat && len(dims) == 1 {
		return nil // declared [1] by some exporters although it is [N]
	}
	if len(dims) != 2 || dims[1] != w.width && (!output || dims[1] > 0) {
		return unfit("%s %q has the shape %v, want [N,%d]", what, w.name, dims, w.width)
	}
	if dims[0] > 0 && !output {
		return unfit("%s %q takes exactly %d rows; export the model with a free batch axis", what, w.name, dims[0])
	}
	return nil
}

func unfit(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, "%s does not fit %s: %s", modelpkg.ModelFile, modelpkg.ManifestFile, fmt.Sprintf(format, args...))
}

func nameList(infos []ort.InputOutputInfo) string {
	names := make([]string, len(infos))
	for i, h := range infos {
		names[i] = h.Name
	}
	return strings.Join(names, ", ")
}

func elemName(t ort.TensorElementDataType) string {
	switch t {
	case ort.TensorElementDataTypeFloat:
		return "float32"
	case ort.TensorElementDataTypeString:
		return "string"
	}
	return strings.ToLower(strings.TrimPrefix(t.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}
