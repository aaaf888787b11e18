-- +goose Up
-- The upkeep of each table. holder and lease: which process works on it and until when;
-- swept: when its folder was last searched for files of no commit; report: what the last
-- run that did something did.
CREATE TABLE lake_upkeep (
    tenant    TEXT NOT NULL,
    project   TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    holder    TEXT NOT NULL,
    lease     BIGINT NOT NULL,
    swept     BIGINT NOT NULL,
    report    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, namespace, name)
);
