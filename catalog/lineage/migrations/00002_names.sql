-- +goose Up
CREATE TABLE lineage_name (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, kind, id)
);
