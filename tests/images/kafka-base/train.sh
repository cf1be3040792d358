#!/bin/bash
# Records what a start loads: the broker serves, takes and hands out a message, and stops.
set -euo pipefail

data=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$data" "$log"' EXIT
export KAFKA_NODE_ID=1 KAFKA_PROCESS_ROLES=broker,controller KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER \
    KAFKA_LISTENERS=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093 \
    KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:9092 KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093 \
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT \
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1 KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=1 \
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0 KAFKA_LOG_DIRS="$data"

RECORD_AOT_CACHE=1 /opt/kafka/bin/java-with-cache.sh -Xmx512m \
    -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.properties KafkaImage >"$log" 2>&1 &
broker=$!
until grep -q 'Kafka Server started' "$log"; do
    kill -0 "$broker" || { tail -n 20 "$log" && exit 1; }
    sleep 0.1
done
echo trained | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic training
/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic training --group training \
    --from-beginning --max-messages 1 --timeout-ms 20000
kill "$broker"
wait "$broker" || true
rm -f /opt/kafka/config/server.properties
ls -l /opt/kafka/kafka.aot
