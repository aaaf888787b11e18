// Package lakehttp serves tables and SQL over HTTP. Recipes have their own package.
package lakehttp

import (
	"context"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/lake"
)

// Register adds the lake's operations. Users' SQL finds feature views through views.
func Register(s *httpapi.Server, house *lake.House, views lake.Views) {
	h := &handlers{house, views}
	op := func(id, method, path, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "lake", Perm: perm}
	}
	httpapi.Handle(s, op("list-tables", http.MethodGet, "/api/tables", "List tables", forge.PermRead), h.list)
	httpapi.Handle(s, op("get-table", http.MethodGet, "/api/tables/{table}", "One table with its columns", forge.PermRead), h.get)
	httpapi.Handle(s, op("list-snapshots", http.MethodGet, "/api/tables/{table}/snapshots", "History of a table, newest first", forge.PermRead), h.snapshots)
	httpapi.Handle(s, op("profile-table", http.MethodGet, "/api/tables/{table}/profile", "What the values of each column look like", forge.PermRead), h.profile)
	httpapi.Handle(s, op("delete-table", http.MethodDelete, "/api/tables/{table}", "Delete a table and its files", forge.PermWrite), h.drop)
	s.HandleRaw(op("read-rows", http.MethodGet, "/api/tables/{table}/rows", "First rows of a table", forge.PermRead), h.rows)
	s.HandleRaw(op("run-sql", http.MethodPost, "/api/sql", "Run one SELECT and stream its rows", forge.PermRead), h.sql)
}

type handlers struct {
	house *lake.House
	views lake.Views
}

type listOutput struct {
	Body struct {
		Tables []lake.Table `json:"tables"`
	}
}

func (h *handlers) list(ctx context.Context, _ *struct{}) (*listOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Tables, err = h.house.Tables.List(ctx, scope)
	return out, err
}

type tableOutput struct{ Body lake.Table }

func (h *handlers) get(ctx context.Context, in *httpapi.TablePath) (*tableOutput, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.house.Tables.Load(ctx, scope, name)
	return &tableOutput{t}, err
}

type snapshotsOutput struct {
	Body struct {
		Snapshots []lake.Snapshot `json:"snapshots"`
	}
}

func (h *handlers) snapshots(ctx context.Context, in *httpapi.TablePath) (*snapshotsOutput, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	out := &snapshotsOutput{}
	out.Body.Snapshots, err = h.house.Tables.Snapshots(ctx, scope, name)
	return out, err
}

func (h *handlers) drop(ctx context.Context, in *httpapi.TablePath) (*struct{}, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.house.Tables.Drop(ctx, scope, name)
}
