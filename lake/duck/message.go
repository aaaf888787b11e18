package duck

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// request is what a worker is asked to do.
type request struct {
	Op    op     `json:"op"`
	SQL   string `json:"sql,omitempty"`
	Args  []arg  `json:"args,omitempty"`
	Views []view `json:"views,omitempty"`
	// Features are the feature views that a user's query may read; nil: none at all.
	Features   map[string]string `json:"features"`
	Paths      []string          `json:"paths,omitempty"`
	Setup      []string          `json:"setup,omitempty"`
	Statements []string          `json:"statements,omitempty"`
	Schema     lake.Schema       `json:"schema,omitzero"`
	Dir        string            `json:"dir,omitempty"`
	FilePrefix string            `json:"file_prefix,omitempty"`
	Ordered    bool              `json:"ordered,omitempty"`
	Rows       int64             `json:"rows,omitempty"` // of the result, 0: all
	Memory     int64             `json:"memory"`
	Threads    int               `json:"threads"`
	TempDir    string            `json:"temp_dir"`
	MaxTemp    int64             `json:"max_temp"`
	Seconds    int               `json:"seconds,omitempty"` // wall clock; bounds CPU time too
}

type op string

const (
	opQuery    op = "query"
	opUser     op = "user"
	opWrite    op = "write"
	opExec     op = "exec"
	opDescribe op = "describe"
)

// view is a table as the query sees it.
type view struct {
	Name   forge.TableName `json:"name"`
	Files  []string        `json:"files"`
	Schema lake.Schema     `json:"schema"`
}

type header struct {
	Schema lake.Schema `json:"schema"`
}

type ending struct {
	Truncated bool            `json:"truncated,omitempty"`
	Files     []lake.DataFile `json:"files,omitempty"`
}

type failure struct {
	Kind forge.Kind `json:"kind"`
	Text string     `json:"text"`
}

// arg is a parameter's value with its type, since JSON alone would lose it.
type arg struct {
	Type  string `json:"t"` // null, bool, int, float, string, time, bytes
	Value string `json:"v,omitempty"`
}

func encodeArgs(args []any) ([]arg, error) {
	out := make([]arg, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case nil:
			out[i] = arg{Type: "null"}
		case bool:
			out[i] = arg{"bool", strconv.FormatBool(v)}
		case int:
			out[i] = arg{"int", strconv.Itoa(v)}
		case int64:
			out[i] = arg{"int", strconv.FormatInt(v, 10)}
		case float64:
			out[i] = arg{"float", strconv.FormatUint(math.Float64bits(v), 16)}
		case string:
			out[i] = arg{"string", v}
		case time.Time:
			out[i] = arg{"time", strconv.FormatInt(v.UnixMicro(), 10)}
		case []byte:
			out[i] = arg{"bytes", base64.StdEncoding.EncodeToString(v)}
		default:
			return nil, fmt.Errorf("duck: argument $%d has the type %T; want bool, int64, float64, string, time.Time, []byte or nil", i+1, a)
		}
	}
	return out, nil
}

// sqlType is the type that an argument's place in the SQL is cast to, so that the
// types of a result are known before the values are.
func (a arg) sqlType() string {
	switch a.Type {
	case "bool":
		return "BOOLEAN"
	case "int":
		return "BIGINT"
	case "float":
		return "DOUBLE"
	case "time":
		return "TIMESTAMPTZ"
	case "bytes":
		return "BLOB"
	}
	return "VARCHAR"
}
