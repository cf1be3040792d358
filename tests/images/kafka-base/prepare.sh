#!/usr/bin/env bash
# Fetches Apache Kafka's jars with Maven, and compiles the launchers that lie beside this file.
#
#   kafka-base/prepare.sh OUTPUT_DIR KAFKA_VERSION
set -euo pipefail

output=$1 version=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in mvn javac jar; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing: Apache Kafka comes from Maven, and its launchers are compiled." >&2
        echo 'Maven and a JDK of version 17 or newer are needed; on Debian or Ubuntu: apt-get install maven default-jdk-headless' >&2
        exit 1
    }
done

rm -rf "$output"
mkdir -p "$output"
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
mvn -q -B -ntp -f "$here/pom.xml" dependency:copy-dependencies -Dkafka="$version" -DincludeScope=runtime \
    -DoutputDirectory="$output"
javac --release 17 -proc:none -cp "$output/*" -d "$classes" "$here"/src/*.java
jar --create --file "$output/stand-in.jar" -C "$classes" .
