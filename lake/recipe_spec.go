package lake

// StepSpec describes one kind of step. The same spec checks recipes, draws the
// studio's forms, answers GET /api/recipes/steps and fills the docs page.
type StepSpec struct {
	Kind    string      `json:"kind"`
	Title   string      `json:"title"`
	Group   string      `json:"group" doc:"columns, values, rows, privacy, sql"`
	Help    string      `json:"help"`
	Rejects bool        `json:"rejects" doc:"Rows may go to the table's __rejects"`
	Fields  []StepField `json:"fields"`
	Example string      `json:"example" doc:"The step in YAML"`
}

// StepField is one field of a kind of step.
type StepField struct {
	Name     string    `json:"name"`
	Type     FieldType `json:"type" enum:"column,columns,name,text,texts,number,integer,bool,choice,expression,sql,table,values,column_texts,column_types,column_expressions"`
	Required bool      `json:"required"`
	Help     string    `json:"help"`
	Options  []string  `json:"options,omitempty" doc:"For a choice"`
	Default  any       `json:"default,omitempty"`
}

// FieldType says what a field takes and which control a form shows for it.
type FieldType string

const (
	FieldColumn      FieldType = "column"             // a column of the input
	FieldColumns     FieldType = "columns"            // a list of columns, or "*" for every column that fits
	FieldName        FieldType = "name"               // the name of a new column
	FieldText        FieldType = "text"               // any text
	FieldTexts       FieldType = "texts"              // a list of texts
	FieldNumber      FieldType = "number"             // a number
	FieldInteger     FieldType = "integer"            // a whole number
	FieldBool        FieldType = "bool"               // true or false
	FieldChoice      FieldType = "choice"             // one of Options
	FieldExpression  FieldType = "expression"         // one SQL expression over the columns
	FieldSQL         FieldType = "sql"                // one SELECT over {{input}}
	FieldTable       FieldType = "table"              // a lake table
	FieldValues      FieldType = "values"             // a list of texts, numbers or booleans
	FieldColumnTexts FieldType = "column_texts"       // column or value → text
	FieldColumnTypes FieldType = "column_types"       // column → type
	FieldColumnExprs FieldType = "column_expressions" // new column → SQL expression
)

// StepCount says what a step did with its rows.
type StepCount struct {
	Name     string `json:"name"`
	RowsIn   int64  `json:"rows_in"`
	RowsOut  int64  `json:"rows_out"`
	Touched  int64  `json:"rows_touched" doc:"Rows that it changed, and for dedupe rows that it left out"`
	Rejected int64  `json:"rejected"`
}
