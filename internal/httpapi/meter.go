package httpapi

import "time"

// Meter takes the measure of one operation's requests. It is on the way of every
// request and must neither wait nor allocate.
type Meter interface {
	// Begin is called when a request has come; what it returns goes to End.
	Begin() time.Time
	// End is called once with the status of the answer; 500 after a panic.
	End(began time.Time, status int)
}

// Measure sets where the requests of the operations that are registered from now on
// are measured.
func (s *Server) Measure(meter func(op Op) Meter) { s.meter = meter }

func (s *Server) measured(op Op) Meter {
	if s.meter == nil {
		return unmeasured{}
	}
	return s.meter(op)
}

type unmeasured struct{}

func (unmeasured) Begin() time.Time   { return time.Time{} }
func (unmeasured) End(time.Time, int) {}
