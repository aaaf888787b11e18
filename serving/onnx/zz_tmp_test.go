package onnx_test

import (
	"os"
	"testing"
	"strings"

	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/internal/depend"
)

func TestZZ(t *testing.T) {
	lib, err := depend.ONNXRuntime("")
	if err != nil { t.Fatal(err) }
	_ = lib
	r, err := onnx.Open(lib)
	if err != nil { t.Fatal(err) }
	for _, d := range strings.Split(os.Getenv("PKGS"), ":") {
		t.Log(d, r.Verify(t.Context(), d))
	}
}
