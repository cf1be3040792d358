#!/bin/bash
# Kafka's command line tools; each is a link to this file under its own name.
case "$(basename "$0")" in
kafka-topics.sh) class=org.apache.kafka.tools.TopicCommand ;;
kafka-console-producer.sh) class=org.apache.kafka.tools.ConsoleProducer ;;
kafka-console-consumer.sh) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
kafka-consumer-groups.sh) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
kafka-configs.sh) class=kafka.admin.ConfigCommand ;;
kafka-broker-api-versions.sh) class=org.apache.kafka.tools.BrokerApiVersionsCommand ;;
kafka-get-offsets.sh) class=org.apache.kafka.tools.GetOffsetShell ;;
kafka-delete-records.sh) class=org.apache.kafka.tools.DeleteRecordsCommand ;;
kafka-log-dirs.sh) class=org.apache.kafka.tools.LogDirsCommand ;;
kafka-metadata-quorum.sh) class=org.apache.kafka.tools.MetadataQuorumCommand ;;
kafka-cluster.sh) class=org.apache.kafka.tools.ClusterTool ;;
kafka-storage.sh) class=kafka.tools.StorageTool ;;
kafka-producer-perf-test.sh) class=org.apache.kafka.tools.ProducerPerformance ;;
kafka-consumer-perf-test.sh) class=org.apache.kafka.tools.ConsumerPerformance ;;
*)
    echo "$0: not a tool of this image" >&2
    exit 1
    ;;
esac
# The options are words of a command line.
# shellcheck disable=SC2086
exec /opt/kafka/bin/java-with-cache.sh ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_OPTS:-} \
    -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.properties "$class" "$@"
