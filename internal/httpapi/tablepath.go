package httpapi

import (
	"context"

	"aiforge.dev/forge"
)

// TablePath is the input of an operation whose path names a table.
type TablePath struct {
	Table string `path:"table" example:"raw.calls" doc:"NAMESPACE.NAME"`
}

// At returns the request's scope and the table that its path names.
func (p *TablePath) At(ctx context.Context) (forge.Scope, forge.TableName, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return scope, forge.TableName{}, err
	}
	name, err := forge.ParseTableName(p.Table)
	return scope, name, err
}
