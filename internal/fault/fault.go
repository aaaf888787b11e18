// Package fault names the points of the work at which a crash must be harmless. A part
// that has such points takes a Hook in its Config and calls it there; the server's own
// is nil. Tests stop, kill or starve a server at a point by its name.
package fault

// Hook is called with the name of the point that is reached. An error ends the work
// there, as a full disk or a lost answer would. A nil Hook lets everything go on.
type Hook func(point string) error

// At says that a point is reached.
func (h Hook) At(point string) error {
	if h == nil {
		return nil
	}
	return h(point)
}

// In is the hook for one part: its points are named "part: point".
func (h Hook) In(part string) Hook {
	if h == nil {
		return nil
	}
	return func(point string) error { return h(part + ": " + point) }
}
