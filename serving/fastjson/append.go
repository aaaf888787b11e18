package fastjson

import "aiforge.dev/forge/internal/jsontext"

// AppendString appends s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte { return jsontext.AppendString(b, s) }

// AppendBytes is AppendString of a text that is in a slice.
func AppendBytes(b, s []byte) []byte { return jsontext.AppendBytes(b, s) }

// AppendFloat32 appends x with the fewest digits that name it among 32-bit floats;
// null if it is not finite.
func AppendFloat32(b []byte, x float32) []byte { return jsontext.AppendFloat(b, float64(x), 32) }

// AppendFloat appends x with the fewest digits that name it; null if it is not finite.
func AppendFloat(b []byte, x float64) []byte { return jsontext.AppendFloat(b, x, 64) }
