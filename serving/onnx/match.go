package onnx

import (
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
)

// tensor is what an input or output of the graph must be: [N,width], or [N] too where
// flat says so.
type tensor struct {
	name  string
	elem  int
	width int64
	flat  bool
}

// match compares the graph's inputs and outputs with the manifest: names, types and
// shapes, with a batch axis that is free.
func match(m modelpkg.Manifest, ins, outs []port) error {
	var want []tensor
	for _, in := range m.Inputs {
		elem := elemFloat
		if in.Type == modelpkg.String {
			elem = elemString
		}
		want = append(want, tensor{name: in.Name, elem: elem, width: 1})
	}
	if err := compare("input", want, ins, false); err != nil {
		return err
	}
	if m.Task == modelpkg.Regression {
		return compare("output", []tensor{{name: m.Outputs.Value, elem: elemFloat, width: 1, flat: true}}, outs, true)
	}
	return compare("output", []tensor{
		{name: m.Outputs.Label, elem: elemString, flat: true},
		{name: m.Outputs.Scores, elem: elemFloat, width: int64(len(m.Classes))},
	}, outs, true)
}

func compare(what string, want []tensor, have []port, output bool) error {
	for _, w := range want {
		i := slices.IndexFunc(have, func(h port) bool { return h.name == w.name })
		if i < 0 {
			return unfit("the graph has no %s %q; it has %s", what, w.name, nameList(have))
		}
		if err := w.accepts(what, have[i], output); err != nil {
			return err
		}
	}
	for _, h := range have {
		if !slices.ContainsFunc(want, func(w tensor) bool { return w.name == h.name }) {
			return unfit("the graph has an %s %q that the manifest does not name", what, h.name)
		}
	}
	return nil
}

func (w tensor) accepts(what string, h port, output bool) error {
	if h.form != "tensor" {
		return unfit("%s %q is a %s, not a tensor; export the model without ZipMap", what, w.name, h.form)
	}
	if h.elem != w.elem {
		return unfit("%s %q has the type %s, want %s", what, w.name, elemName(h.elem), elemName(w.elem))
	}
	if output && !h.shape {
		return nil // the first run shows it
	}
	if w.flat && len(h.dims) == 1 {
		return nil // declared [1] by some exporters although it is [N]
	}
	if len(h.dims) != 2 || h.dims[1] != w.width && (!output || h.dims[1] > 0) {
		return unfit("%s %q has the shape %v, want [N,%d]", what, w.name, h.dims, w.width)
	}
	if h.dims[0] > 0 && !output {
		return unfit("%s %q takes exactly %d rows; export the model with a free batch axis", what, w.name, h.dims[0])
	}
	return nil
}

func unfit(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, "%s does not fit %s: %s", modelpkg.ModelFile, modelpkg.ManifestFile, fmt.Sprintf(format, args...))
}

func nameList(all []port) string {
	if len(all) == 0 {
		return "none"
	}
	names := make([]string, len(all))
	for i, h := range all {
		names[i] = h.name
	}
	return strings.Join(names, ", ")
}
