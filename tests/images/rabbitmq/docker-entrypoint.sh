#!/bin/bash
# The original's rules: root gives way to the rabbitmq user, and variables of RabbitMQ 3.8 are refused.
# RABBITMQ_DEFAULT_USER, _PASS, _VHOST and the like are read by the server itself.
set -euo pipefail

if [[ "$1" == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
    if [ "$1" = rabbitmq-server ]; then
        find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq '{}' +
    fi
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "${BASH_SOURCE[0]}" "$@"
fi

removed=()
for name in \
    RABBITMQ_DEFAULT_PASS_FILE RABBITMQ_DEFAULT_USER_FILE RABBITMQ_VM_MEMORY_HIGH_WATERMARK \
    RABBITMQ_MANAGEMENT_SSL_CACERTFILE RABBITMQ_MANAGEMENT_SSL_CERTFILE RABBITMQ_MANAGEMENT_SSL_KEYFILE \
    RABBITMQ_SSL_CACERTFILE RABBITMQ_SSL_CERTFILE RABBITMQ_SSL_KEYFILE RABBITMQ_SSL_VERIFY; do
    if [ -n "${!name:-}" ]; then removed+=("$name"); fi
done
if [ ${#removed[@]} -gt 0 ]; then
    for name in "${removed[@]}"; do echo >&2 "error: $name is set but deprecated"; done
    echo >&2 'error: deprecated environment variables detected'
    exit 1
fi

# The server looks only at the plugins that come enabled, unless the user has enabled another one.
if [ "$1" = rabbitmq-server ] && ! grep -o 'rabbitmq_[a-z0-9_]*' /etc/rabbitmq/enabled_plugins |
    grep -qvxE 'rabbitmq_(management|management_agent|prometheus|web_dispatch)'; then
    export RABBITMQ_PLUGINS_DIR=/opt/rabbitmq/plugins
fi

exec "$@"
