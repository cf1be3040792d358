#!/usr/bin/env bash
# Builds the image of one recipe that has a Dockerfile.
#
#   build-recipe.sh IMAGE RECIPE KEY WORK_DIR KAFKA_VERSION
#
# The engine's classic builder does it, which every engine has, over the host's network: the steps reach the
# package registries as the host does.
set -euo pipefail

image=$1 recipe=$2 key=$3 work=$4 kafka_version=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
context=$work/$recipe

# A copy, so that files of this machine may join the recipe.
rm -rf "$context"
mkdir -p "$context"
cp -R "$here/$recipe/." "$context"
arguments=()
case "$recipe" in
python) "$here/python/prepare.sh" "$context" ;;
kafka-base) cp -R "$work/kafka-libs" "$context/libs" ;;
esac
case "$recipe" in
kafka-base | kafka | redpanda) arguments=(--build-arg "KAFKA_VERSION=$kafka_version") ;;
esac

DOCKER_BUILDKIT=0 docker build --network host --force-rm --label "dev.sandbox.stand-in-key=$key" \
    ${arguments[@]+"${arguments[@]}"} --tag "$image" "$context"
rm -rf "$context"
