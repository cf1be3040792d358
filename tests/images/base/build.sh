#!/usr/bin/env bash
# Makes the image that the Debian-based stand-ins start from: Debian trixie as small as its "slim" images.
#
#   base/build.sh IMAGE KEY WORK_DIR
#
# debootstrap needs nothing but the Debian package archive; the mirror is debootstrap's own default,
# or DEBIAN_MIRROR where a machine has a nearer one.
set -euo pipefail

image=$1 key=$2 work=$3
root=$work/rootfs

if ! command -v debootstrap >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo 'debootstrap is missing, and this is not root on Debian or Ubuntu, where it would be installed' >&2
        exit 1
    fi
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y debootstrap
fi

rm -rf "$root"
debootstrap --variant=minbase trixie "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}

# What later `apt-get install` steps must not bring back, and what they must not do.
cat >"$root/etc/dpkg/dpkg.cfg.d/stand-in" <<'CONF'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
CONF
cat >"$root/etc/apt/apt.conf.d/stand-in" <<'CONF'
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Keep-Downloaded-Packages "false";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Retries "3";
CONF
# Packages must not start their services while an image is built.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/var/cache/debconf/*-old
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/*
mkdir -p "$root"/usr/share/man/man1 # alternatives are linked there
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l -delete
find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
rm -f "$root/etc/hostname" "$root/etc/resolv.conf" # the host's; Docker mounts its own

tar -C "$root" --numeric-owner -c . | docker import \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'CMD ["bash"]' \
    --change 'LABEL dev.sandbox.stand-in="Debian trixie by debootstrap"' \
    --change "LABEL dev.sandbox.stand-in-key=$key" \
    - "$image"
rm -rf "$root"
