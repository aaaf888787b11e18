// Package serverstest runs the built forge on the servers that it has in production:
// PostgreSQL, Redis, Apache Kafka and S3. `make test-servers` starts them.
package serverstest
