package maintain

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	leaseFor  = time.Minute
	leaseKept = leaseFor / 3 // how often it is renewed
)

const ofTable = " WHERE tenant = $1 AND project = $2 AND namespace = $3 AND name = $4"

func (p place) key(more ...any) []any {
	return append([]any{p.scope.Tenant, p.scope.Project, p.name.Namespace, p.name.Name}, more...)
}

// swept says when each table was last searched for orphans.
func (k *Keeper) swept(ctx context.Context) (map[place]time.Time, error) {
	rows, err := k.cfg.DB.QueryContext(ctx, "SELECT tenant, project, namespace, name, swept FROM lake_upkeep")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	out := map[place]time.Time{}
	for rows.Next() {
		var p place
		var at int64
		if err := rows.Scan(&p.scope.Tenant, &p.scope.Project, &p.name.Namespace, &p.name.Name, &at); err != nil {
			return nil, err
		}
		out[p] = sqldb.Time(at)
	}
	return out, rows.Err()
}

// alone runs f while no other process maintains the table, and not at all when one does.
func (k *Keeper) alone(ctx context.Context, p place, f func(ctx context.Context) error) error {
	ok, err := k.claim(ctx, p)
	if err != nil || !ok {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		k.renew(ctx, stop, p)
	}()
	err = f(ctx)
	stop()
	<-kept
	_, rerr := k.cfg.DB.ExecContext(context.WithoutCancel(ctx), "UPDATE lake_upkeep SET holder = '', lease = 0"+ofTable+" AND holder = $5", p.key(k.holder)...)
	return errors.Join(err, rerr)
}

func (k *Keeper) claim(ctx context.Context, p place) (bool, error) {
	_, err := k.cfg.DB.ExecContext(ctx, `INSERT INTO lake_upkeep (tenant, project, namespace, name, holder, lease, swept, report) VALUES ($1, $2, $3, $4, '', 0, $5, '')
		ON CONFLICT DO NOTHING`, p.key(sqldb.Micros(k.cfg.Now()))...)
	if err != nil {
		return false, err
	}
	now := time.Now() // leases are between processes: their clock is the machine's
	return k.changed(ctx, "UPDATE lake_upkeep SET holder = $5, lease = $6"+ofTable+" AND lease < $7",
		p.key(k.holder, sqldb.Micros(now.Add(leaseFor)), sqldb.Micros(now))...)
}

// renew keeps the lease until ctx ends; when it is lost it ends ctx.
func (k *Keeper) renew(ctx context.Context, stop func(), p place) {
	tick := time.NewTicker(leaseKept)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ok, err := k.changed(ctx, "UPDATE lake_upkeep SET lease = $6"+ofTable+" AND holder = $5", p.key(k.holder, sqldb.Micros(time.Now().Add(leaseFor)))...)
		if err != nil || !ok {
			stop()
			return
		}
	}
}

func (k *Keeper) changed(ctx context.Context, query string, args ...any) (bool, error) {
	res, err := k.cfg.DB.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// record keeps the report of a run that did something, and that a folder was searched.
func (k *Keeper) record(ctx context.Context, p place, r Report, swept bool) error {
	if r.did() || r.Skipped != "" {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := k.changed(ctx, "UPDATE lake_upkeep SET report = $5"+ofTable, p.key(string(text))...); err != nil {
			return err
		}
	}
	if !swept {
		return nil
	}
	_, err := k.changed(ctx, "UPDATE lake_upkeep SET swept = $5"+ofTable, p.key(sqldb.Micros(k.cfg.Now()))...)
	return err
}

// Last returns what the last run that did something for a table did; nil if there was none.
func (k *Keeper) Last(ctx context.Context, scope forge.Scope, name forge.TableName) (*Report, error) {
	var text string
	err := k.cfg.DB.QueryRowContext(ctx, "SELECT report FROM lake_upkeep"+ofTable, place{scope, name}.key()...).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Report
	return &r, json.Unmarshal([]byte(text), &r)
}
