package serving

import (
	"math"
	"strconv"

	"aiforge.dev/forge"
)

// Types of a model's inputs.
const (
	Float  = "float"
	String = "string"
)

// Missing is the value of an input that is not known.
func Missing() Value { return Value{Num: float32(math.NaN()), Missing: true} }

// ValueOf turns a Go value (nil, bool, an integer, a float or a string) into the value
// of an input. It is the one rule for values that come from tables and the feature
// store, and the trainer's own: numbers become float64, then float32; booleans 1 and
// 0; what is not finite then is missing. Text is never read as a number, and times
// are no inputs.
func ValueOf(in Input, v any) (Value, error) {
	if v == nil {
		return Missing(), nil
	}
	if in.Type == String {
		if s, ok := v.(string); ok {
			return Value{Str: s, Missing: s == ""}, nil
		}
		return Value{}, forge.Errorf(forge.KindInvalid, nil, "input %q takes text, not %T", in.Name, v)
	}
	switch x := v.(type) {
	case bool:
		return Value{Num: Bool(x)}, nil
	case float64:
		return number(x), nil
	case float32:
		return number(float64(x)), nil
	case int64:
		return number(float64(x)), nil
	case int32:
		return number(float64(x)), nil
	case int:
		return number(float64(x)), nil
	}
	return Value{}, forge.Errorf(forge.KindInvalid, nil, "input %q takes a number, not %T", in.Name, v)
}

func number(x float64) Value {
	f, ok := Narrow(x)
	if !ok {
		return Missing()
	}
	return Value{Num: f}
}

// Narrow rounds x to the nearest float32; false when the result is not finite.
func Narrow(x float64) (float32, bool) {
	f := float32(x)
	return f, x-x == 0 && !math.IsInf(float64(f), 0)
}

// Bool is the number of a boolean.
func Bool(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// Score is how a model's float32 is shown and stored: the float64 with the same
// shortest decimal text, so that 0.93 is 0.93 in JSON, in a table and in the log. It
// narrows back to f exactly.
func Score(f float32) float64 {
	var b [32]byte
	x, err := strconv.ParseFloat(string(strconv.AppendFloat(b[:0], float64(f), 'g', -1, 32)), 64)
	if err != nil {
		return float64(f)
	}
	return x
}

// NewBatch makes a batch of n rows, all missing.
func NewBatch(inputs []Input, n int) Batch {
	b := Batch{}
	b.Reset(inputs)
	for range n {
		b.AddRow(inputs)
	}
	return b
}

// Reset empties b for rows of the given inputs; it keeps the memory.
func (b *Batch) Reset(inputs []Input) {
	b.N = 0
	if cap(b.Columns) < len(inputs) {
		b.Columns = make([]Column, len(inputs))
	}
	b.Columns = b.Columns[:len(inputs)]
	for i := range b.Columns {
		c := &b.Columns[i]
		clear(c.Strings)
		c.Floats, c.Strings = c.Floats[:0], c.Strings[:0]
	}
}

// AddRow adds a row whose values are all missing.
func (b *Batch) AddRow(inputs []Input) {
	nan := float32(math.NaN())
	for i := range inputs {
		c := &b.Columns[i]
		if inputs[i].Type == String {
			c.Strings = append(c.Strings, "")
		} else {
			c.Floats = append(c.Floats, nan)
		}
	}
	b.N++
}

// Set puts a value into a row of a column.
func (b *Batch) Set(column, row int, v Value) {
	c := &b.Columns[column]
	switch {
	case len(c.Strings) > 0:
		c.Strings[row] = v.Str
	case v.Missing:
		c.Floats[row] = float32(math.NaN())
	default:
		c.Floats[row] = v.Num
	}
}

// Slice is rows from to to of b, in the same memory.
func (b Batch) Slice(from, to int) Batch {
	out := Batch{N: to - from, Columns: make([]Column, len(b.Columns))}
	for i, c := range b.Columns {
		if len(c.Strings) > 0 {
			out.Columns[i].Strings = c.Strings[from:to]
		}
		if len(c.Floats) > 0 {
			out.Columns[i].Floats = c.Floats[from:to]
		}
	}
	return out
}

// Reset makes out ready for n rows of k scores and, with labels, n labels; it keeps
// the memory.
func (out *Output) Reset(n, k int, labels bool) {
	out.K = k
	if cap(out.Scores) < n*k {
		out.Scores = make([]float32, n*k)
	}
	out.Scores = out.Scores[:n*k]
	if !labels {
		out.Labels = out.Labels[:0]
		return
	}
	if cap(out.Labels) < n {
		out.Labels = make([]string, n)
	}
	out.Labels = out.Labels[:n]
}

// PositiveIndex is where the positive class is among the classes: the last for a binary model
// that names none, and -1 for other tasks.
func (s Signature) PositiveIndex() int {
	if s.Task != "binary" {
		return -1
	}
	for i, c := range s.Classes {
		if c == s.Positive {
			return i
		}
	}
	return len(s.Classes) - 1
}

// ScoreOf is the one number of a row that the log and monitoring keep: the positive
// class's score, the value of a regression, or the best class's score.
func (s Signature) ScoreOf(out Output, row int) float32 {
	scores := out.Scores[row*out.K : (row+1)*out.K]
	if i := s.PositiveIndex(); i >= 0 {
		return scores[i]
	}
	best := scores[0]
	for _, x := range scores[1:] {
		best = max(best, x)
	}
	return best
}
