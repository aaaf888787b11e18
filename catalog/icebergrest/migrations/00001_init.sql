-- +goose Up
CREATE TABLE iceberg_namespace (
	tenant     TEXT   NOT NULL,
	project    TEXT   NOT NULL,
	name       TEXT   NOT NULL,
	properties TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	PRIMARY KEY (tenant, project, name)
);

-- +goose Down
DROP TABLE iceberg_namespace;
