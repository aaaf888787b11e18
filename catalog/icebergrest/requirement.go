package icebergrest

import (
	"encoding/json"
	"fmt"

	"github.com/apache/iceberg-go/table"
)

const assertCreate = "assert-create"

// requirements are what must hold before a commit.
type requirements struct{ list []table.Requirement }

// UnmarshalJSON reads a list of requirements. A client that leaves null values out, as
// PyIceberg does, means null where a snapshot id is missing.
func (r *requirements) UnmarshalJSON(data []byte) error {
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	r.list = make([]table.Requirement, len(raw))
	for i, fields := range raw {
		if _, there := fields["snapshot-id"]; !there && string(fields["type"]) == `"assert-ref-snapshot-id"` {
			fields["snapshot-id"] = json.RawMessage("null")
		}
		whole, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		one := requirement{}
		if one.Requirement, err = table.ParseRequirementBytes(whole); err == nil {
			err = json.Unmarshal(whole, &one.want)
		}
		if err != nil {
			return fmt.Errorf("requirements[%d]: %w", i, err)
		}
		r.list[i] = one
	}
	return nil
}

// requirement is iceberg-go's, with the words of the Java library when it does not
// hold: clients and their tests know those.
type requirement struct {
	table.Requirement
	want struct {
		UUID        string `json:"uuid"`
		Ref         string `json:"ref"`
		Snapshot    *int64 `json:"snapshot-id"`
		Field       int    `json:"last-assigned-field-id"`
		Schema      int    `json:"current-schema-id"`
		PartitionID int    `json:"last-assigned-partition-id"`
		Spec        int    `json:"default-spec-id"`
		Order       int    `json:"default-sort-order-id"`
	}
}

// Validate implements table.Requirement.
func (r requirement) Validate(meta table.Metadata) error {
	err := r.Requirement.Validate(meta)
	if err == nil {
		return nil
	}
	return unmet{"Requirement failed: " + r.why(meta), err}
}

func (r requirement) why(meta table.Metadata) string {
	w := r.want
	if meta == nil {
		return "table does not exist"
	}
	switch r.GetType() {
	case assertCreate:
		return "table already exists"
	case "assert-table-uuid":
		return fmt.Sprintf("UUID does not match: expected %s != %s", meta.TableUUID(), w.UUID)
	case "assert-ref-snapshot-id":
		return r.ref(meta)
	case "assert-last-assigned-field-id":
		return fmt.Sprintf("last assigned field id changed: expected id %d != %d", w.Field, meta.LastColumnID())
	case "assert-current-schema-id":
		return fmt.Sprintf("current schema changed: expected id %d != %d", w.Schema, meta.CurrentSchema().ID)
	case "assert-last-assigned-partition-id":
		last := 0
		if id := meta.LastPartitionSpecID(); id != nil {
			last = *id
		}
		return fmt.Sprintf("last assigned partition id changed: expected id %d != %d", w.PartitionID, last)
	case "assert-default-spec-id":
		return fmt.Sprintf("default partition spec changed: expected id %d != %d", w.Spec, meta.DefaultPartitionSpec())
	case "assert-default-sort-order-id":
		return fmt.Sprintf("default sort order changed: expected id %d != %d", w.Order, meta.DefaultSortOrder())
	}
	return r.GetType()
}

func (r requirement) ref(meta table.Metadata) string {
	w := r.want
	for name, ref := range meta.Refs() {
		switch {
		case name != w.Ref:
		case w.Snapshot == nil:
			return fmt.Sprintf("%s %s was created concurrently", ref.SnapshotRefType, w.Ref)
		default:
			return fmt.Sprintf("%s %s has changed: expected id %d != %d", ref.SnapshotRefType, w.Ref, *w.Snapshot, ref.SnapshotID)
		}
	}
	return fmt.Sprintf("branch or tag %s is missing, expected %d", w.Ref, *w.Snapshot)
}

// unmet is a requirement that does not hold: the text for the client, and the cause.
type unmet struct {
	text  string
	cause error
}

func (u unmet) Error() string { return u.text }
func (u unmet) Unwrap() error { return u.cause }
