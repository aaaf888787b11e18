-- +goose Up
CREATE TABLE ingest_uploads (
  tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL,
  name TEXT NOT NULL, size BIGINT NOT NULL, created BIGINT NOT NULL,
  PRIMARY KEY (tenant, project, id)
);
CREATE TABLE ingest_loads (
  tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL,
  table_name TEXT NOT NULL, sha256 TEXT NOT NULL, file TEXT NOT NULL, bytes BIGINT NOT NULL,
  row_count BIGINT NOT NULL, rejected BIGINT NOT NULL,
  offset_first BIGINT NOT NULL, offset_end BIGINT NOT NULL, snapshot BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (tenant, project, id)
);
CREATE UNIQUE INDEX ingest_loads_file ON ingest_loads (tenant, project, table_name, sha256);
CREATE INDEX ingest_loads_at ON ingest_loads (tenant, project, at);
CREATE TABLE ingest_contracts (
  tenant TEXT NOT NULL, project TEXT NOT NULL, table_name TEXT NOT NULL, fingerprint TEXT NOT NULL,
  contract TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (tenant, project, table_name, fingerprint)
);
CREATE TABLE ingest_leases (
  tenant TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL,
  holder TEXT NOT NULL, epoch BIGINT NOT NULL, expires BIGINT NOT NULL,
  PRIMARY KEY (tenant, project, name)
);
CREATE TABLE ingest_plans (
  tenant TEXT NOT NULL, project TEXT NOT NULL, table_name TEXT NOT NULL, sha256 TEXT NOT NULL,
  plan TEXT NOT NULL,
  PRIMARY KEY (tenant, project, table_name, sha256)
);
