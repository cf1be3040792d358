#!/bin/sh
# The original's rules: flags or a config file alone mean redis-server; root gives way to the redis user;
# a server without a config of its own answers other containers.
set -eu

case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis:redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi

if [ "${1:-}" = redis-server ]; then
    # A dump must not be readable by others, as in the original.
    if [ "$(umask)" = 0022 ]; then umask 0077; fi
    case "${2:-}" in
    *.conf | -) ;; # the config says what it wants
    *)
        # The original is compiled with protected mode off. First, so that a flag of the user's wins.
        shift
        set -- redis-server --protected-mode no "$@"
        ;;
    esac
fi

exec "$@"
