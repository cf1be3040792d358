#!/bin/bash
# java-with-cache.sh [JVM OPTION...] CLASS [ARGUMENT...]
#
# Every start has to name the same class path in the same order: the cache of loaded classes is good for no other.
# Kafka uses a method of Unsafe that Java would warn about in four lines.
# The short-lived compiler and the simplest collector start fastest and are enough for one developer's messages.
class_path=$(printf '%s:' /opt/kafka/libs/*.jar)
cache=/opt/kafka/kafka.aot
options=(--sun-misc-unsafe-memory-access=allow -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Djava.awt.headless=true)
if [ -n "${RECORD_AOT_CACHE:-}" ]; then
    options+=("-XX:AOTCacheOutput=$cache")
elif [ -r "$cache" ]; then
    options+=("-XX:AOTCache=$cache")
fi
exec "$JAVA_HOME/bin/java" "${options[@]}" -cp "${class_path%:}" "$@"
