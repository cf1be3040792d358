#!/usr/bin/env bash
# Makes sure that the images of the catalog are there, where no image registry answers: builds stand-ins from
# package registries (Debian, Maven, Go modules) under the catalog's own names.
#
#   tests/images/build.sh [--list] [--force] [NAME...]
#
# NAME is an image (redis:8.0), a recipe (redis, kafka, dapr) or a group of images.txt (default, dapr-1.16.0);
# without one it is "default".
#   --list    tells what is there, and changes nothing
#   --force   builds stand-ins anew, and asks no registry
#
# An image that is no stand-in is left alone. Where a registry answers, nothing is built: sandbox pulls.
# A stand-in is kept while the key in its label, a hash over its recipe and inputs, is current; every image
# stands alone, so a run that was cut short goes on where it was.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sandbox-images
logs=$cache/logs
work=$cache/work
stand_in_label=dev.sandbox.stand-in
key_label=dev.sandbox.stand-in-key
debian_image=sandbox-stand-in/debian:trixie
kafka_image=sandbox-stand-in/kafka:latest

say() { printf 'images: %s\n' "$*"; }

fail() {
    printf 'images: %s\n' "$*" >&2
    exit 1
}

# ---- what is wanted -----------------------------------------------------------------------------------------------

# Lines "image recipe when" of images.txt that a name stands for.
catalog() {
    awk -v name="$1" '!/^#/ && NF == 3 && (name == "" || name == $1 || name == $2 || name == $3)' "$here/images.txt"
}

recipe_of() { catalog "$1" | awk '{ print $2; exit }'; }

version_of() { echo "${1##*:}"; }

kafka_version() { catalog kafka | awk '{ sub(/.*:/, "", $1); print $1; exit }'; }

# ---- what is there ------------------------------------------------------------------------------------------------

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-64; }

# One hash over the names and the content of a folder.
hash_folder() {
    (cd "$1" && find . -type f | LC_ALL=C sort | while IFS= read -r file; do
        echo "$file"
        cat "$file"
    done) | sha256
}

key_of() {
    local image=$1 recipe=${2:-}
    [ -n "$recipe" ] || recipe=$(recipe_of "$image")
    {
        echo "$image"
        hash_folder "$here/$recipe"
        case "$recipe" in
        base | dapr) ;;
        kafka-base) kafka_version && key_of "$debian_image" base ;;
        kafka | redpanda) key_of "$kafka_image" kafka-base ;;
        python) python_inputs && key_of "$debian_image" base ;;
        *) key_of "$debian_image" base ;;
        esac
    } | sha256
}

# The machine's certificates and pip settings become part of the image.
python_inputs() {
    local folder
    folder=$(mktemp -d)
    "$here/python/prepare.sh" "$folder" && hash_folder "$folder"
    rm -rf "$folder"
}

# missing, original, current or stale
state_of() {
    local image=$1 recipe=${2:-} labels
    labels=$(docker image inspect --format \
        "{{index .Config.Labels \"$stand_in_label\"}}|{{index .Config.Labels \"$key_label\"}}" "$image" 2>/dev/null) || {
        echo missing
        return
    }
    case "$labels" in
    '|'*) echo original ;;
    *"|$(key_of "$image" "$recipe")") echo current ;;
    *) echo stale ;;
    esac
}

# Asks the engine to pull, since sandbox would, and stops it at its first sign of life: a mirror or a proxy that
# only the engine knows counts too.
registry_answers() {
    local image=$1 answer pull answers=false
    answer=$(mktemp)
    docker pull "$image" >"$answer" 2>&1 &
    pull=$!
    for _ in $(seq 50); do
        if grep -q 'Pulling from' "$answer"; then
            answers=true
            break
        fi
        kill -0 "$pull" 2>/dev/null || break
        sleep 0.1
    done
    kill "$pull" 2>/dev/null || true
    wait "$pull" 2>/dev/null || true
    if grep -q 'Pulling from' "$answer"; then answers=true; fi
    rm -f "$answer"
    [ "$answers" = true ]
}

# ---- how they are built -------------------------------------------------------------------------------------------

# step TITLE SCRIPT ARGUMENT...: runs a script with its output in a log, and tells its start, its end and, of a failure,
# the last lines. A script, not a function: bash would not stop a function at its first error here.
step() {
    local title=$1 started=$SECONDS log
    shift
    log=$logs/$(printf '%s' "$title" | tr -c 'A-Za-z0-9.-' '_').log
    say "building $title"
    if "$@" >"$log" 2>&1; then
        say "built $title in $((SECONDS - started)) s"
        return 0
    fi
    {
        say "FAILED: $title after $((SECONDS - started)) s; the end of $log:"
        tail -n 25 "$log" | sed 's/^/    /'
    } >&2
    echo "$title" >>"$work/failed"
    return 1
}

build_recipe() { step "$1" "$here/build-recipe.sh" "$1" "$2" "$(key_of "$1" "$2")" "$work" "$(kafka_version)"; }

is_needed() {
    local recipe=$1 image
    for image in $needed; do
        if [ "$(recipe_of "$image")" = "$recipe" ]; then return 0; fi
    done
    return 1
}

# The images of a recipe, in the order of images.txt.
build_needed() {
    local recipe=$1 image
    for image in $needed; do
        if [ "$(recipe_of "$image")" = "$recipe" ]; then build_recipe "$image" "$recipe" || true; fi
    done
}

# One build makes all binaries of one version that are needed.
dapr_lane() {
    local image version targets
    for version in $(for image in $needed; do
        if [ "$(recipe_of "$image")" = dapr ]; then version_of "$image"; fi
    done | sort -u -r); do
        targets=()
        for image in $needed; do
            if [ "$(recipe_of "$image")" = dapr ] && [ "$(version_of "$image")" = "$version" ]; then
                targets+=("$image=$(key_of "$image")")
            fi
        done
        step "Dapr $version" nice -n 5 "$here/dapr/build.sh" "$version" "$work/dapr-$version" "${targets[@]}" || true
    done
}

kafka_lane() {
    is_needed kafka || is_needed redpanda || return 0
    if $force || [ "$(state_of "$kafka_image" kafka-base)" != current ]; then
        wait "$kafka_jars" || return 0 # its failure has been told
        build_recipe "$kafka_image" kafka-base || return 0
    fi
    build_needed kafka
    build_needed redpanda
}

debian_lanes() {
    local recipe kafka_jars='' lane
    is_needed redis || is_needed postgres || is_needed python || is_needed rabbitmq || is_needed kafka ||
        is_needed redpanda || return 0
    # Fetching jars waits for the network while the base image is made.
    if is_needed kafka || is_needed redpanda; then
        if $force || [ "$(state_of "$kafka_image" kafka-base)" != current ]; then
            step "jars of Kafka" "$here/kafka-base/prepare.sh" "$work/kafka-libs" "$(kafka_version)" &
            kafka_jars=$!
        fi
    fi
    if $force || [ "$(state_of "$debian_image" base)" != current ]; then
        step "$debian_image" "$here/base/build.sh" "$debian_image" "$(key_of "$debian_image" base)" "$work/base" || return 0
    fi
    for recipe in redis postgres python rabbitmq; do build_needed "$recipe"; done &
    lane=$!
    kafka_lane
    wait "$lane"
}

# ---- main ---------------------------------------------------------------------------------------------------------

list=false force=false names=()
for argument; do
    case "$argument" in
    --list) list=true ;;
    --force) force=true ;;
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    -*) fail "unknown option $argument; see --help" ;;
    *)
        [ -n "$(catalog "$argument")" ] || fail "no image, recipe or group \"$argument\" in tests/images/images.txt"
        names+=("$argument")
        ;;
    esac
done

docker info >/dev/null 2>&1 || fail 'no Docker engine answers; tests/images/engine.sh starts one'

if $list; then
    catalog '' | while read -r image _ when; do printf '%-52s %-12s %s\n' "$image" "$when" "$(state_of "$image")"; done
    exit 0
fi

[ ${#names[@]} -gt 0 ] || names=(default)
wanted=$(for name in "${names[@]}"; do catalog "$name" | awk '{ print $1 }'; done | awk '!seen[$0]++')

needed='' missing=''
for image in $wanted; do
    case "$(state_of "$image")" in
    missing) needed="$needed $image" missing=${missing:-$image} ;;
    stale) needed="$needed $image" ;;
    current) if $force; then needed="$needed $image"; fi ;;
    original) ;;
    esac
done
if [ -z "$needed" ]; then
    say "all $(echo "$wanted" | wc -l | tr -d ' ') images are there"
    exit 0
fi
if ! $force && [ -n "$missing" ] && registry_answers "$missing"; then
    say 'an image registry answers, nothing is built: sandbox pulls what it needs'
    exit 0
fi

mkdir -p "$logs" "$work"
if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    if ! flock -n 9; then
        say 'another build is at work, waiting for it'
        flock 9
        exec "${BASH_SOURCE[0]}" "$@" # what it built is there now
    fi
fi

# Whoever stops this script stops what it started: a shell's background jobs do not hear Ctrl-C.
stop_children() {
    local children child
    children=$(pgrep -P "$1" 2>/dev/null) || return 0
    for child in $children; do
        stop_children "$child" # before the child itself: an orphan is nobody's child
        kill "$child" 2>/dev/null || true
    done
}
trap 'stop_children $$; exit 130' INT TERM
rm -f "$work/failed"
started=$SECONDS
say "building stand-ins for:$needed"
dapr_lane 9>&- & # the longest of all: it starts first, and gives way to the others
debian_lanes 9>&- &
wait

if [ -s "$work/failed" ]; then
    fail "not built: $(paste -s -d ',' "$work/failed"). What is done is kept; run this again to go on"
fi
rm -rf "$work"
say "done in $((SECONDS - started)) s"
