-- +goose Up
CREATE TABLE monitor_policy (
    tenant     TEXT NOT NULL,
    project    TEXT NOT NULL,
    deployment TEXT NOT NULL,
    policy     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, deployment)
);
CREATE TABLE monitor_reference (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    model   TEXT NOT NULL,
    version BIGINT NOT NULL,
    profile TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, model, version)
);
CREATE TABLE monitor_report (
    tenant      TEXT NOT NULL,
    project     TEXT NOT NULL,
    deployment  TEXT NOT NULL,
    window_from BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    report      TEXT NOT NULL,
    PRIMARY KEY (tenant, project, deployment, window_from, version)
);
CREATE TABLE monitor_alert (
    tenant      TEXT NOT NULL,
    project     TEXT NOT NULL,
    id          TEXT NOT NULL,
    deployment  TEXT NOT NULL,
    version     BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    window_from BIGINT NOT NULL,
    state       TEXT NOT NULL,
    alert       TEXT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id),
    UNIQUE (tenant, project, deployment, version, kind, window_from)
);
