package icebergrest_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/catalog/icebergrest"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/lake/laketest"
)

func TestConfig(t *testing.T) {
	w := start(t)
	a := w.want(t, 200, "", viewer, "GET", "/v1/config?warehouse=anything", nil)
	if p := a.body["overrides"].(map[string]any)["prefix"]; p != "forge" {
		t.Errorf("prefix %v: it must be the same for every project", p)
	}
	endpoints := a.body["endpoints"].([]any)
	for _, want := range []string{"GET /v1/{prefix}/namespaces", "POST /v1/{prefix}/transactions/commit", "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}"} {
		if !slices.Contains(endpoints, any(want)) {
			t.Errorf("endpoint %s is missing in %v", want, endpoints)
		}
	}
	if slices.ContainsFunc(endpoints, func(e any) bool { return strings.Contains(e.(string), "views") }) {
		t.Error("views are announced and not there")
	}
}

func TestConfigSaysThatFilesCannotBeShared(t *testing.T) {
	svc, err := icebergrest.New(t.Context(), icebergrest.Config{
		DB: laketest.DB(t), Shared: func() error { return forge.Errorf(forge.KindUnavailable, nil, "move the folder") },
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	api := httpapi.New(g, "test", nil)
	icebergrest.Register(api, svc)
	srv := httptest.NewServer(api)
	defer srv.Close()
	w := &world{url: srv.URL + "/iceberg", gate: g}
	a := w.want(t, 503, "ServiceUnavailableException", viewer, "GET", "/v1/config", nil)
	if _, text := a.failure(); text != "move the folder" {
		t.Errorf("text %q", text)
	}
}

func TestRefusals(t *testing.T) {
	w := start(t)
	w.want(t, 401, "NotAuthorizedException", "", "GET", "/v1/config", nil)
	w.want(t, 401, "NotAuthorizedException", "forged", "GET", base, nil)
	w.want(t, 403, "ForbiddenException", viewer, "POST", base, map[string]any{"namespace": []string{"x"}})
	if e := w.gate.last(); e.Outcome != "denied" || e.Action != "iceberg-create-namespace" || e.Principal.User != "u2" {
		t.Errorf("audited %+v", e)
	}
	w.want(t, 404, "NoSuchNamespaceException", editor, "GET", base+"/x", nil) // nothing was made
	w.want(t, 200, "", editor, "POST", base, map[string]any{"namespace": []string{"x"}})
	if e := w.gate.last(); e.Outcome != "ok" || e.Status != 200 {
		t.Errorf("audited %+v", e)
	}
}

func TestNamespaces(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	w.want(t, 200, "", editor, "POST", base, map[string]any{"namespace": []string{"empty"}, "properties": map[string]string{"owner": "me"}})
	a := w.want(t, 200, "", viewer, "GET", base, nil)
	if got := fmt.Sprint(a.body["namespaces"]); got != "[[empty] [raw]]" || a.body["next-page-token"] != nil {
		t.Errorf("namespaces %s", a.text)
	}
	w.want(t, 409, "AlreadyExistsException", editor, "POST", base, map[string]any{"namespace": []string{"empty"}})
	w.want(t, 409, "AlreadyExistsException", editor, "POST", base, map[string]any{"namespace": []string{"raw"}})
	w.want(t, 409, "NamespaceNotEmptyException", editor, "DELETE", base+"/raw", nil)
	w.want(t, 204, "", editor, "HEAD", base+"/raw", nil)
	w.want(t, 404, "", editor, "HEAD", base+"/nowhere", nil)
	w.want(t, 200, "", editor, "GET", base+"?parent=raw", nil)
	w.want(t, 404, "NoSuchNamespaceException", editor, "GET", base+"?parent=nowhere", nil)

	a = w.want(t, 200, "", editor, "POST", base+"/raw/properties", map[string]any{"updates": map[string]string{"a": "1", "b": "2"}, "removals": []string{"zz"}})
	if a.text != `{"missing":["zz"],"removed":[],"updated":["a","b"]}` {
		t.Errorf("update %s", a.text)
	}
	w.want(t, 422, "UnprocessableEntityException", editor, "POST", base+"/raw/properties", map[string]any{"updates": map[string]string{"a": "1"}, "removals": []string{"a"}})
	a = w.want(t, 200, "", viewer, "GET", base+"/raw", nil)
	if a.text != `{"namespace":["raw"],"properties":{"a":"1","b":"2"}}` {
		t.Errorf("loaded %s", a.text)
	}
	w.want(t, 204, "", editor, "DELETE", base+"/empty", nil)
	w.want(t, 404, "NoSuchNamespaceException", editor, "DELETE", base+"/empty", nil)
}

// TestNamesThatCannotBe: what cannot be made is refused, what cannot be there is not.
func TestNamesThatCannotBe(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 1)
	for _, ns := range []string{`["Raw"]`, `["a","b"]`, `[]`, `[""]`, `["a.b"]`, `["a/b"]`, `["-"]`} {
		w.want(t, 400, "BadRequestException", editor, "POST", base, `{"namespace":`+ns+`}`)
	}
	for _, name := range []string{"Calls", "a.b", "", "a b", "ä"} {
		w.want(t, 400, "BadRequestException", editor, "POST", base+"/raw/tables", map[string]any{"name": name, "schema": pairsSchema})
	}
	// Feature views stand in the namespace features of SQL: no table may hide one.
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["features"]}`)
	w.want(t, 400, "BadRequestException", editor, "POST", base+"/features/tables", map[string]any{"name": "calls", "schema": pairsSchema})
	w.want(t, 400, "BadRequestException", editor, "POST", "/v1/forge/tables/rename", map[string]any{
		"source": map[string]any{"namespace": []string{"raw"}, "name": "calls"}, "destination": map[string]any{"namespace": []string{"features"}, "name": "calls"}})
	for _, p := range []string{"/Raw", "/a%1Fb", "/a%2Fb", "/%25", "/raw%1Fcalls"} {
		w.want(t, 404, "NoSuchNamespaceException", editor, "GET", base+p, nil)
	}
	for _, p := range []string{"/raw/tables/Calls", "/raw%1Fcalls/tables/snapshots", "/raw/tables/a%20b", "/raw/tables/calls%2Fx"} {
		w.want(t, 404, "NoSuchTableException", editor, "GET", base+p, nil)
	}
}

func TestPages(t *testing.T) {
	w := start(t)
	for i := range 5 {
		w.want(t, 200, "", editor, "POST", base, map[string]any{"namespace": []string{fmt.Sprintf("n%d", i)}})
		w.want(t, 200, "", editor, "POST", base+"/n0/tables", map[string]any{"name": fmt.Sprintf("t%d", i), "schema": pairsSchema})
	}
	for path, list := range map[string]string{base: "namespaces", base + "/n0/tables": "identifiers"} {
		var seen []string
		token, pages := "", 0
		for {
			a := w.want(t, 200, "", viewer, "GET", path+"?pageSize=2&pageToken="+token, nil)
			for _, one := range a.body[list].([]any) {
				seen = append(seen, fmt.Sprint(one))
			}
			pages++
			if a.body["next-page-token"] == nil {
				break
			}
			token = a.body["next-page-token"].(string)
		}
		if pages != 3 || len(seen) != 5 || !slices.IsSorted(seen) || len(slices.Compact(seen)) != 5 {
			t.Errorf("%s: %d pages with %v", path, pages, seen)
		}
		if a := w.call(t, viewer, "GET", path+"?pageSize=2", nil); len(a.body[list].([]any)) != 5 {
			t.Errorf("%s: without a token all must come: %s", path, a.text)
		}
		w.want(t, 400, "BadRequestException", viewer, "GET", path+"?pageToken=%2B%2B", nil)
		w.want(t, 400, "BadRequestException", viewer, "GET", path+"?pageToken=&pageSize=0", nil)
	}
}
