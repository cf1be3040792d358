#!/usr/bin/env bash
# Makes sure that a Docker engine answers. Where one does, nothing is done and nothing is printed.
# On Debian or Ubuntu as root it is installed and started; anywhere else the message says what to do.
set -euo pipefail

limit_seconds=60
log=${TMPDIR:-/tmp}/sandbox-dockerd.log

give_up() {
    printf 'tests/images/engine.sh: %s\n' "$@" >&2
    exit 1
}

engine_answers() { docker info >/dev/null 2>&1; }

if engine_answers; then exit 0; fi

if command -v docker >/dev/null && docker info 2>&1 | grep -qi 'permission denied'; then
    give_up 'a Docker engine is there, but this user may not use it.' \
        'Add the user to the group "docker" and log in again, or set DOCKER_HOST to an engine of your own.'
fi
if [ -n "${DOCKER_HOST:-}" ]; then
    give_up "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST. Start it, or unset DOCKER_HOST."
fi
if [ "$(uname -s)" != Linux ]; then
    give_up 'no Docker engine answers. Start Docker Desktop (or colima, or OrbStack) and run this again.'
fi
if [ "$(id -u)" != 0 ]; then
    give_up 'no Docker engine answers. Start it (sudo systemctl start docker), or install it:' \
        'https://docs.docker.com/engine/install/'
fi

did=started
if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    command -v apt-get >/dev/null || give_up 'no Docker engine is installed, and this is not Debian or Ubuntu.' \
        'Install one: https://docs.docker.com/engine/install/'
    did='installed and started'
    apt_log=${TMPDIR:-/tmp}/sandbox-docker-install.log
    export DEBIAN_FRONTEND=noninteractive
    # From Debian 13 on, the command line client is a package of its own.
    if ! { apt-get update && apt-get install -y docker.io iptables &&
        { command -v docker || apt-get install -y docker-cli; }; } >"$apt_log" 2>&1; then
        tail -n 20 "$apt_log" >&2
        give_up "apt-get could not install docker.io; all of its output is in $apt_log"
    fi
fi

if [ -d /run/systemd/system ]; then
    systemctl start docker || give_up 'systemd could not start Docker: journalctl -u docker tells why.'
elif kill -0 "$(cat /var/run/docker.pid 2>/dev/null)" 2>/dev/null; then
    did="$did (by its package)" # or by another run of this script: either way it is on its way up
else
    # A session of its own: the engine outlives this script and the terminal it ran in.
    setsid dockerd >"$log" 2>&1 </dev/null &
    engine=$!
    disown "$engine"
fi

deadline=$((SECONDS + limit_seconds))
until engine_answers; do
    if [ -n "${engine:-}" ] && ! kill -0 "$engine" 2>/dev/null; then
        tail -n 20 "$log" >&2
        give_up "the Docker engine stopped while starting; all of its output is in $log"
    fi
    [ "$SECONDS" -lt "$deadline" ] || give_up "the Docker engine did not answer within $limit_seconds s; see $log"
    sleep 0.1
done
echo "docker: $did engine $(docker version --format '{{.Server.Version}}')${engine:+, its log is $log}"
