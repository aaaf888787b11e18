-- +goose Up
CREATE TABLE lineage_edge (
    tenant    TEXT NOT NULL,
    project   TEXT NOT NULL,
    from_kind TEXT NOT NULL,
    from_id   TEXT NOT NULL,
    to_kind   TEXT NOT NULL,
    to_id     TEXT NOT NULL,
    made_by   TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, from_kind, from_id, to_kind, to_id, made_by)
);
CREATE INDEX lineage_edge_up ON lineage_edge (tenant, project, to_kind, to_id);
