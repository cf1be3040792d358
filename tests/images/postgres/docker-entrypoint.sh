#!/usr/bin/env bash
# The original's rules. A data folder without a cluster gets one: POSTGRES_USER owns it, POSTGRES_PASSWORD is
# its password, POSTGRES_DB is created, and /docker-entrypoint-initdb.d runs against a server that only
# the Unix socket reaches, so whoever gets an answer over TCP speaks to the real one.
set -Eeo pipefail

template=/var/lib/postgresql/template

# NAME, or the content of the file that NAME_FILE names (a Docker secret).
env_or_file() {
    local name=$1 default=${2-} file=${1}_FILE
    if [ "${!name:-}" ] && [ "${!file:-}" ]; then
        echo >&2 "error: both $name and $file are set (but are exclusive)"
        exit 1
    fi
    if [ "${!file:-}" ]; then default=$(<"${!file}"); fi
    export "$name=${!name:-$default}"
    unset "$file"
}

prepare_folders() {
    mkdir -p "$PGDATA"
    chmod 00700 "$PGDATA" || :
    mkdir -p /var/run/postgresql || :
    chmod 03775 /var/run/postgresql || :
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
        find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
    fi
}

refuse_open_database() {
    if [ -n "$POSTGRES_PASSWORD" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ]; then return; fi
    cat >&2 <<'MESSAGE'
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.
MESSAGE
    exit 1
}

# The prepared cluster, where nobody asked for anything that only initdb can do.
copy_template() {
    if [ -n "$POSTGRES_INITDB_ARGS$POSTGRES_INITDB_WALDIR" ] || [ "$LANG" != en_US.utf8 ]; then return 1; fi
    if [ -n "${LC_ALL:-}${LC_COLLATE:-}${LC_CTYPE:-}${TZ:-}" ] || ! [ -r "$template/PG_VERSION" ]; then return 1; fi
    if [[ $POSTGRES_USER == pg_* ]]; then return 1; fi # initdb says why that is no name
    cp -a --sparse=always "$template/." "$PGDATA/"
    local user=${POSTGRES_USER//\'/\'\'} role=${POSTGRES_USER//\"/\"\"} password=${POSTGRES_PASSWORD//\'/\'\'}
    # The single-user server is the role itself, which ALTER ROLE does not rename while it is in use.
    {
        if [ "$POSTGRES_USER" != postgres ]; then echo "UPDATE pg_authid SET rolname = '$user' WHERE oid = 10;"; fi
        if [ -n "$POSTGRES_PASSWORD" ]; then echo; echo "ALTER ROLE \"$role\" PASSWORD '$password';"; fi
    } | postgres --single -j -D "$PGDATA" -c fsync=off -c log_min_messages=fatal -c log_min_error_statement=panic \
        template1 >/dev/null
}

run_initdb() {
    local args=()
    if [ -n "$POSTGRES_INITDB_WALDIR" ]; then args+=(--waldir "$POSTGRES_INITDB_WALDIR"); fi
    # Words are meant to be split: the variable holds command line arguments.
    # shellcheck disable=SC2086
    initdb --no-sync --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${args[@]}" $POSTGRES_INITDB_ARGS
}

allow_hosts() {
    local method=${POSTGRES_HOST_AUTH_METHOD:-}
    if [ -z "$method" ]; then method=$(postgres -C password_encryption -D "$PGDATA" 2>/dev/null); fi
    {
        echo
        if [ "$method" = trust ]; then echo "# warning trust is enabled for all connections"; fi
        echo "host all all all $method"
    } >>"$PGDATA/pg_hba.conf"
}

# psql as the owner, in the user's database, stopping at the first error. Needs the temporary server.
docker_process_sql() {
    local database=()
    if [ -n "$POSTGRES_DB" ]; then database=(--dbname "$POSTGRES_DB"); fi
    PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "${database[@]}" "$@"
}

run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sh)
            if [ -x "$file" ]; then
                echo "$0: running $file"
                "$file"
            else
                echo "$0: sourcing $file"
                # shellcheck disable=SC1090
                . "$file"
            fi
            ;;
        *.sql) echo "$0: running $file" && docker_process_sql -f "$file" && echo ;;
        *.sql.gz) echo "$0: running $file" && gunzip -c "$file" | docker_process_sql && echo ;;
        *.sql.xz) echo "$0: running $file" && xzcat "$file" | docker_process_sql && echo ;;
        *.sql.zst) echo "$0: running $file" && zstd -dc "$file" | docker_process_sql && echo ;;
        *) echo "$0: ignoring $file" ;;
        esac
    done
}

create_database() {
    if [ "$POSTGRES_DB" = postgres ]; then return; fi
    local wanted=$POSTGRES_DB
    POSTGRES_DB=postgres docker_process_sql --set db="$wanted" <<'SQL'
SELECT format('CREATE DATABASE %I', :'db') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec
SQL
}

initialise() {
    refuse_open_database
    copy_template || run_initdb
    allow_hosts

    # Only the socket is served, so nobody takes this server for the real one. What it writes is flushed to the disk
    # by the kernel in its own time: a new database is not worth waiting for the disk.
    export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    local arguments=("$@")
    if [ "${arguments[0]}" = postgres ]; then arguments=("${arguments[@]:1}"); fi
    NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -w start \
        -o "$(printf '%q ' "${arguments[@]}" -c listen_addresses= -c fsync=off -p "${PGPORT:-5432}")"
    create_database
    run_init_files
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    echo
    echo 'PostgreSQL init process complete; ready for start up.'
    echo
}

# `docker run postgres -c fsync=off` and `docker run postgres --single` style commands.
if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi

wants_help() {
    local argument
    for argument; do
        case "$argument" in
        -'?' | --help | --describe-config | -V | --version) return 0 ;;
        esac
    done
    return 1
}

if [ "$1" = postgres ] && ! wants_help "$@"; then
    env_or_file POSTGRES_PASSWORD
    env_or_file POSTGRES_USER postgres
    env_or_file POSTGRES_DB "$POSTGRES_USER"
    env_or_file POSTGRES_INITDB_ARGS
    env_or_file POSTGRES_INITDB_WALDIR
    prepare_folders
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
    fi
    if [ -s "$PGDATA/PG_VERSION" ]; then
        echo
        echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
        echo
    else
        # A glob error shows now, not after a minute of work.
        ls /docker-entrypoint-initdb.d/ >/dev/null
        initialise "$@"
    fi
fi

exec "$@"
