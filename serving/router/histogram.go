package router

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in bins of at most 1/8 of their size, from nanoseconds
// to minutes, without a lock.
type histogram struct {
	bins [40 * steps]atomic.Int64
}

const steps = 8 // bins per doubling

func (h *histogram) add(d time.Duration) {
	h.bins[bin(uint64(max(d, 1)))].Add(1)
}

func bin(ns uint64) int {
	e := bits.Len64(ns) - 1
	sub := ns << 3 >> e & (steps - 1)
	return min(e*steps+int(sub), 40*steps-1)
}

// quantile is the q-quantile in milliseconds: the middle of its bin; 0 without data.
func (h *histogram) quantile(q float64) float64 {
	var total int64
	for i := range h.bins {
		total += h.bins[i].Load()
	}
	left := int64(q*float64(total)) + 1
	for i := range h.bins {
		n := h.bins[i].Load()
		if left -= n; n > 0 && left <= 0 {
			low := float64(uint64(1) << (i / steps))
			return low * (1 + (float64(i%steps)+0.5)/steps) / 1e6
		}
	}
	return 0
}
