package onlinekv

import (
	"fmt"
	"log/slog"
)

// logger hands Pebble's own log to ours. What Pebble tells of flushes and compactions
// is for debugging only.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf must not return: Pebble calls it when going on would lose data.
func (l logger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error(text)
	panic("online store: " + text)
}
