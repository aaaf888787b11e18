package icebergrest_test

import (
	"testing"

	icecatalog "github.com/apache/iceberg-go/catalog"
	icetest "github.com/apache/iceberg-go/catalog/catalogtest"
	"github.com/apache/iceberg-go/catalog/rest"
)

func (w *world) client(t *testing.T, token string) *rest.Catalog {
	t.Helper()
	c, err := rest.NewCatalog(t.Context(), "forge", w.url, rest.WithOAuthToken(token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConformance is the suite of iceberg-go's own catalogs, through its REST client.
func TestConformance(t *testing.T) {
	icetest.RunCatalogTests(t, icetest.Config{
		SupportsNamespaceProperties: true,
		NewCatalog:                  func(t *testing.T) icecatalog.Catalog { return start(t).client(t, editor) },
	})
}
