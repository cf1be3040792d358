#!/usr/bin/env bash
# Builds docker compose from its Go module into a cache folder, unless it is there, and prints the path of the binary.
#
#   tests/bench/compose.sh
#
# The binary is a plugin of the docker command line, and runs by itself just as well.
set -euo pipefail

version=5.6.0
module=github.com/docker/compose/v5
folder=${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-bench/compose-$version
binary=$folder/docker-compose

if [ -x "$binary" ]; then
    echo "$binary"
    exit 0
fi
command -v go >/dev/null || {
    echo "Go is missing: docker compose $version is built from its Go module (https://go.dev/doc/install)" >&2
    exit 1
}

echo "building docker compose $version, once: about a minute on two cores" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CGO_ENABLED=0 GOFLAGS='-mod=mod -buildvcs=false' GOWORK=off
GOFLAGS='' go mod download "$module@v$version"
source=$(go env GOMODCACHE)/$module@v$version

# A module's `replace` lines count only where it is the main one. Its go.sum pins every checksum.
sed 's|^module .*|module bench|' "$source/go.mod" >go.mod
cat "$source/go.sum" >go.sum
go mod edit -require "$module@v$version"
GOMAXPROCS=16 go list -deps "$module/cmd" >/dev/null # fetches many modules at a time
go build -trimpath -ldflags "-s -w -X $module/internal.Version=v$version" -o docker-compose "$module/cmd"

mkdir -p "$folder"
mv docker-compose "$binary.new"
mv "$binary.new" "$binary"
echo "$binary"
