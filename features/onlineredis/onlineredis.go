// Package onlineredis is the online store in Redis or Valkey (7 or newer), for many
// servers that answer from one store. It uses plain hashes and one Lua script.
//
// The rows of a group lie in 16 hashes, PREFIX:{TENANT/PROJECT/GROUP/N}, so that a
// cluster can spread them; a field is an entity's key. Which groups exist is a set
// for each project.
package onlineredis

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"github.com/redis/go-redis/v9"
)

const (
	shards   = 16
	rowsEach = 512 // rows in one call of the script
)

// Store is a connection to Redis. It implements features.Online.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ features.Online = (*Store)(nil)

// put sets fields (ARGV: field, row, …) of a hash unless the stored row is newer: its
// first bytes are the age (features.RowEventSize). Bytes are compared one by one, as
// Lua compares strings by locale.
var put = redis.NewScript(fmt.Sprintf(`
local function older(a, b)
  for i = 1, %d do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x == nil or y == nil then return false end
    if x ~= y then return x < y end
  end
  return false
end
for i = 1, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  if not old or not older(ARGV[i+1], old) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1])
  end
end
return 0`, features.RowEventSize))

// Open connects to addr: redis://[USER:PASSWORD@]HOST:PORT[/DB], rediss:// with TLS,
// or a bare HOST:PORT. prefix comes before every key, so that one Redis can serve
// several installations.
func Open(ctx context.Context, addr, prefix string) (*Store, error) {
	opts, err := redis.ParseURL(addr)
	if err != nil {
		opts = &redis.Options{Addr: addr}
	}
	s := &Store{client: redis.NewClient(opts), prefix: prefix}
	if err := s.client.Ping(ctx).Err(); err != nil {
		_ = s.client.Close()
		return nil, forge.Errorf(forge.KindUnavailable, err, "online store at %s does not answer; is Redis running there?", opts.Addr)
	}
	return s, nil
}

func check(ctx context.Context, scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindInternal, nil, "online store: scope %q names no project", scope)
	}
	return ctx.Err()
}

func (s *Store) hash(scope forge.Scope, group string, shard int) string {
	return s.prefix + ":{" + scope.String() + "/" + group + "/" + strconv.Itoa(shard) + "}"
}

func (s *Store) groups(scope forge.Scope) string { return s.prefix + ":groups:" + scope.String() }

func shardOf(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return int(h.Sum32() % shards)
}

// Put implements features.Online.
func (s *Store) Put(ctx context.Context, scope forge.Scope, group string, rows []features.Row) error {
	if err := check(ctx, scope); err != nil {
		return err
	}
	var args [shards][]any
	for _, r := range rows {
		b, err := features.AppendRow(nil, r)
		if err != nil {
			return err
		}
		k := features.KeyString(r.Key)
		n := shardOf(k)
		args[n] = append(args[n], k, b)
	}
	// The group's name comes first: a group with rows but no name could not be found
	// to be dropped.
	if err := s.client.SAdd(ctx, s.groups(scope), group).Err(); err != nil {
		return unavailable(err)
	}
	for n, list := range args {
		for part := range slices.Chunk(list, 2*rowsEach) {
			if err := put.Run(ctx, s.client, []string{s.hash(scope, group, n)}, part...).Err(); err != nil {
				return unavailable(err)
			}
		}
	}
	return nil
}

// Get implements features.Online: one round trip.
func (s *Store) Get(ctx context.Context, scope forge.Scope, group string, keys []features.Key) ([]features.Row, []bool, error) {
	if err := check(ctx, scope); err != nil {
		return nil, nil, err
	}
	var fields [shards][]string
	var places [shards][]int
	for i, k := range keys {
		f := features.KeyString(k)
		n := shardOf(f)
		fields[n], places[n] = append(fields[n], f), append(places[n], i)
	}
	var cmds [shards]*redis.SliceCmd
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range fields {
			if len(fields[n]) > 0 {
				cmds[n] = p.HMGet(ctx, s.hash(scope, group, n), fields[n]...)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, unavailable(err)
	}
	rows, ok := make([]features.Row, len(keys)), make([]bool, len(keys))
	for n, cmd := range cmds {
		if cmd == nil {
			continue
		}
		for j, v := range cmd.Val() {
			raw, there := v.(string)
			if !there {
				continue
			}
			i := places[n][j]
			if rows[i], err = features.DecodeRow([]byte(raw)); err != nil {
				return nil, nil, err
			}
			rows[i].Key, ok[i] = keys[i], true
		}
	}
	return rows, ok, nil
}

// Drop implements features.Online.
func (s *Store) Drop(ctx context.Context, scope forge.Scope, group string) error {
	if err := check(ctx, scope); err != nil {
		return err
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range shards {
			p.Unlink(ctx, s.hash(scope, group, n))
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	return unavailable(s.client.SRem(ctx, s.groups(scope), group).Err())
}

// Groups implements features.Online; they come in order.
func (s *Store) Groups(ctx context.Context, scope forge.Scope) ([]string, error) {
	if err := check(ctx, scope); err != nil {
		return nil, err
	}
	groups, err := s.client.SMembers(ctx, s.groups(scope)).Result()
	slices.Sort(groups)
	return groups, unavailable(err)
}

// Count implements features.Online.
func (s *Store) Count(ctx context.Context, scope forge.Scope, group string) (int64, error) {
	if err := check(ctx, scope); err != nil {
		return 0, err
	}
	var lens [shards]*redis.IntCmd
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range lens {
			lens[n] = p.HLen(ctx, s.hash(scope, group, n))
		}
		return nil
	})
	var total int64
	for _, n := range lens {
		total += n.Val()
	}
	return total, unavailable(err)
}

// Close implements features.Online; a second one is harmless.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return forge.Errorf(forge.KindUnavailable, err, "the online store (Redis) does not answer as it should; the log has its words")
}
