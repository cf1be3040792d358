#!/usr/bin/env bash
# Collects what an image on this machine needs to reach the package index that the machine itself uses:
# the certificate authorities added to it and its pip settings, without credentials.
#
#   python/prepare.sh CONTEXT_DIR
set -euo pipefail

out=$1/host
system_bundle=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$out/ca"

# Every certificate of a bundle as a file of its own, as update-ca-certificates wants them.
split_bundle() {
    awk -v prefix="$out/ca/$2-" '
        /-----BEGIN CERTIFICATE-----/ { file = sprintf("%s%03d.crt", prefix, ++number) }
        file { print > file }
        /-----END CERTIFICATE-----/ { close(file); file = "" }
    ' "$1"
}

if [ -d /usr/local/share/ca-certificates ]; then
    while IFS= read -r -d '' certificate; do
        split_bundle "$certificate" "local-$(basename "$certificate" .crt)"
    done < <(find /usr/local/share/ca-certificates -name '*.crt' -print0 | sort -z)
fi

settings=$(pip config list 2>/dev/null || pip3 config list 2>/dev/null || python3 -m pip config list 2>/dev/null || true)

# Files and folders of the host mean nothing in an image, so "find-links" goes unless it is an address.
{
    echo '[global]'
    printf '%s\n' "$settings" |
        sed -n "s/^\(global\|install\|:env:\)\.\([a-z-]*\)='\(.*\)'\$/\2 = \3/p" |
        sed -e 's/\\n/ /g' -e 's|://[^/@ ]*@|://|g' -e 's/^default-timeout /timeout /' |
        grep -E '^(index-url|extra-index-url|trusted-host|timeout|retries|disable-pip-version-check|find-links = [a-z]+://)' |
        sort -u || true
    if [ -n "$(ls -A "$out/ca")" ]; then echo "cert = $system_bundle"; fi
} >"$out/pip.conf"

bundle=$(printf '%s\n' "$settings" | sed -n "s/^[a-z:]*\.cert='\(.*\)'\$/\1/p" | tail -n 1)
if [ -n "$bundle" ] && [ "$bundle" != "$system_bundle" ] && [ -r "$bundle" ]; then
    split_bundle "$bundle" pip
    grep -q '^cert' "$out/pip.conf" || echo "cert = $system_bundle" >>"$out/pip.conf"
fi
touch "$out/ca/.keep" # COPY wants the folder to exist in the context
