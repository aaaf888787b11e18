-- +goose Up
-- Files that no snapshot of their table uses any more, since when. They are removed
-- when nobody can be reading them. Their table is known by its folder: it may be renamed.
CREATE TABLE lake_garbage (
	tenant   TEXT   NOT NULL,
	project  TEXT   NOT NULL,
	location TEXT   NOT NULL,
	file     TEXT   NOT NULL,
	since    BIGINT NOT NULL,
	PRIMARY KEY (tenant, project, location, file)
);
CREATE INDEX lake_garbage_since ON lake_garbage (since);

-- Snapshots that somebody has asked for by number, and when last: they are not expired
-- while a reader may come back to them.
CREATE TABLE lake_reader (
	tenant   TEXT   NOT NULL,
	project  TEXT   NOT NULL,
	location TEXT   NOT NULL,
	snapshot BIGINT NOT NULL,
	used     BIGINT NOT NULL,
	PRIMARY KEY (tenant, project, location, snapshot)
);
CREATE INDEX lake_reader_used ON lake_reader (used);
