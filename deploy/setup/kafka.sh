#!/usr/bin/env bash
# Brings Apache Kafka's jars from Maven Central into .cache/kafka. Maven checks them
# against the repository's checksums, and the set against the recorded one.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=4.4.0
[ "$(cat .cache/kafka/version 2>/dev/null)" = "$version" ] && exit 0
command -v mvn >/dev/null || { echo "setup: Apache Kafka needs Java 17 and Maven (apt-get install maven)" >&2; exit 1; }
echo "setup: Apache Kafka $version (about 43 MB)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<P
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.aiforge</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
P
mkdir -p .cache/kafka
mvn -q -B --strict-checksums -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/.cache/kafka"
if [ -f deploy/setup/kafka.sha256 ]; then (cd .cache/kafka && sha256sum --check --quiet --strict ../../deploy/setup/kafka.sha256); fi
echo "$version" > .cache/kafka/version
