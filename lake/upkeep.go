package lake

import (
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
)

// Upkeep says how a table's files and history are kept in order. It is made of the
// table's properties, under the names that Iceberg gives them, so that other programs
// which maintain the table follow it too.
type Upkeep struct {
	Off         bool          // nothing happens by itself
	TargetBytes int64         // size of the files that small ones are joined to
	KeepFor     time.Duration // a younger snapshot stays, thinned out when there are very many
	KeepNewest  int           // and so many of the newest, whatever their age

	// Held are snapshots that a table made from this one goes on from: it tells new rows
	// by the files that the snapshot has not. They stay, and so does every file. One
	// below zero is no snapshot yet but the time, in seconds, at which one was announced.
	Held map[forge.TableName]int64
}

// Defaults of tables that say nothing else.
const (
	UpkeepTarget  int64 = 128 << 20
	UpkeepKeepFor       = 24 * time.Hour
	UpkeepNewest        = 100
)

// Names of the properties.
const (
	upkeepOff    = "forge.upkeep.off"
	upkeepTarget = "write.target-file-size-bytes"
	upkeepFor    = "history.expire.max-snapshot-age-ms"
	upkeepNewest = "history.expire.min-snapshots-to-keep"
	upkeepHeld   = "forge.upkeep.held." // and the table's name
)

// UpkeepOf reads a table's properties. What makes no sense in them counts as not said.
func UpkeepOf(properties map[string]string) Upkeep {
	number := func(key string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(properties[key], 10, 64); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	off, _ := strconv.ParseBool(properties[upkeepOff])
	var held map[forge.TableName]int64
	for key, value := range properties {
		text, ok := strings.CutPrefix(key, upkeepHeld)
		name, err := forge.ParseTableName(text)
		if id, nerr := strconv.ParseInt(value, 10, 64); ok && err == nil && nerr == nil {
			if held == nil {
				held = map[forge.TableName]int64{}
			}
			held[name] = id
		}
	}
	return Upkeep{
		Held:        held,
		Off:         off,
		TargetBytes: number(upkeepTarget, UpkeepTarget),
		KeepFor:     time.Duration(number(upkeepFor, UpkeepKeepFor.Milliseconds())) * time.Millisecond,
		KeepNewest:  int(min(number(upkeepNewest, UpkeepNewest), 1<<30)),
	}
}

// Properties spells the policy, all but what is held, as properties for a Change.
func (u Upkeep) Properties() map[string]string {
	p := map[string]string{
		upkeepOff:    "", // removed
		upkeepTarget: strconv.FormatInt(u.TargetBytes, 10),
		upkeepFor:    strconv.FormatInt(u.KeepFor.Milliseconds(), 10),
		upkeepNewest: strconv.Itoa(u.KeepNewest),
	}
	if u.Off {
		p[upkeepOff] = "true"
	}
	return p
}

// Hold is the property that keeps a snapshot and the files of a table for another one
// that goes on from there.
func Hold(by forge.TableName, snapshot int64) map[string]string {
	return map[string]string{upkeepHeld + by.String(): strconv.FormatInt(snapshot, 10)}
}

// Announce is the property that keeps the files of a table until Hold says which
// snapshot it is about, or a few hours have gone by.
func Announce(by forge.TableName, now time.Time) map[string]string { return Hold(by, -now.Unix()) }

// SameRows is the key in a snapshot's summary under which one that only has other files
// names the snapshot whose rows it has.
const SameRows = "forge.same-rows"

// Content names the rows of a snapshot: snapshots with the same one have the same rows,
// whatever their files. It need not be a snapshot that the table still has.
func (s Snapshot) Content() int64 {
	if id, err := strconv.ParseInt(s.Summary[SameRows], 10, 64); err == nil {
		return id
	}
	return s.ID
}

// Place is where a table is, for work that goes over the tables of all projects.
type Place struct {
	Scope   forge.Scope
	Name    forge.TableName
	Updated time.Time // of its last commit
}
