package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"

	sqlite "github.com/ncruces/go-sqlite3/driver"
)

// openNumbered opens SQLite so that $N means the N-th argument, as in PostgreSQL. To
// SQLite itself $N is a name, and the driver binds names in the order in which they
// appear: "SET a = $2 WHERE id = $1" would silently swap its arguments.
func openNumbered(name string) (*sql.DB, error) {
	c, err := (&sqlite.SQLite{}).OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	got, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{got.(sqlite.Conn)}, nil
}

type conn struct{ sqlite.Conn }

func (c conn) Prepare(query string) (driver.Stmt, error) { return c.Conn.Prepare(numbered(query)) }

func (c conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, numbered(query))
}

// ExecContext keeps the driver's way for scripts without arguments.
func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if x, ok := c.Conn.(driver.ExecerContext); ok {
		return x.ExecContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// numbered writes ?N for $N outside of quotes.
func numbered(query string) string {
	if !strings.Contains(query, "$") {
		return query
	}
	b := []byte(query)
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '$' && i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9':
			b[i] = '?'
		}
	}
	return string(b)
}
