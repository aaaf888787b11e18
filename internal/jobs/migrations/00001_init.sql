-- +goose Up
-- owner and lease: who runs it and until when; due: when the reconcile loop looks at
-- a queued job next; delivery: the id River knows it by, 0 when it has none.
CREATE TABLE job (
    tenant     TEXT NOT NULL,
    project    TEXT NOT NULL,
    id         TEXT NOT NULL,
    kind       TEXT NOT NULL,
    title      TEXT NOT NULL,
    ukey       TEXT NOT NULL,
    state      TEXT NOT NULL,
    args       TEXT NOT NULL,
    result     TEXT NOT NULL,
    error      TEXT NOT NULL,
    error_kind TEXT NOT NULL,
    principal  TEXT NOT NULL,
    progress   TEXT NOT NULL,
    attempt    BIGINT NOT NULL,
    failures   BIGINT NOT NULL,
    lapses     BIGINT NOT NULL,
    cancelling BIGINT NOT NULL,
    owner      TEXT NOT NULL,
    lease      BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    delivery   BIGINT NOT NULL,
    events     BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    started    BIGINT NOT NULL,
    finished   BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE UNIQUE INDEX job_key ON job (tenant, project, kind, ukey) WHERE ukey <> '' AND state IN ('queued', 'running');
CREATE INDEX job_newest ON job (tenant, project, created);
CREATE INDEX job_due ON job (state, due);

CREATE TABLE job_event (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    job     TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    type    TEXT NOT NULL,
    data    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, job, seq)
);

CREATE TABLE job_step (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    job     TEXT NOT NULL,
    name    TEXT NOT NULL,
    result  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, job, name)
);
