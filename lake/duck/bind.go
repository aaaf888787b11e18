package duck

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	bind "github.com/duckdb/duckdb-go-bindings"
)

// bind gives a prepared statement the value of one parameter.
func (a arg) bind(st bind.PreparedStatement, at bind.IdxT) error {
	state := bind.StateError
	switch a.Type {
	case "bool":
		state = bind.BindBoolean(st, at, a.Value == "true")
	case "int":
		if v, err := strconv.ParseInt(a.Value, 10, 64); err == nil {
			state = bind.BindInt64(st, at, v)
		}
	case "float":
		if v, err := strconv.ParseUint(a.Value, 16, 64); err == nil {
			state = bind.BindDouble(st, at, math.Float64frombits(v))
		}
	case "string":
		state = bind.BindVarcharLength(st, at, a.Value, bind.IdxT(len(a.Value)))
	case "time":
		if v, err := strconv.ParseInt(a.Value, 10, 64); err == nil {
			state = bind.BindTimestampTZ(st, at, bind.NewTimestamp(v))
		}
	case "bytes":
		if v, err := base64.StdEncoding.DecodeString(a.Value); err == nil {
			state = bind.BindBlob(st, at, v)
		}
	}
	if state != bind.StateSuccess {
		return fmt.Errorf("duck: a value of type %s cannot be bound", a.Type)
	}
	return nil
}
