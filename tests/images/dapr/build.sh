#!/usr/bin/env bash
# Builds Dapr's own binaries of one version from their Go modules, and an image like the published one of each:
# FROM scratch, the binary at /NAME, uid 65532, no entrypoint, no command.
#
#   dapr/build.sh VERSION WORK_DIR IMAGE=KEY...        IMAGE ends in /daprd:…, /scheduler:…, /placement:… or /sentry:…
#
# A copy of the downloaded module is the main module: its own `replace` lines count only there, and its go.sum pins
# every checksum.
set -euo pipefail

version=$1 work=$2
shift 2
module=github.com/dapr/dapr

command -v go >/dev/null || {
    echo "Go is missing: Dapr $version is built from its Go modules (https://go.dev/doc/install)" >&2
    exit 1
}

binaries=()
for target; do
    image=${target%%=*}
    binary=${image##*/}
    binaries+=("${binary%%:*}")
done

export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off
rm -rf "$work"
mkdir -p "$work"
cd "$work" # outside a module, so that nothing but this one version is looked up
go mod download "$module@v$version"
cp -R "$(go env GOMODCACHE)/$module@v$version" source
chmod -R u+w source
cd source

# Dapr 1.14 and 1.16 have a binding whose libraries reach into Go's runtime and compile only with a Go of their time.
without=''
if rm cmd/daprd/components/*_kitex.go 2>/dev/null; then without=', without the Kitex binding'; fi

packages=()
for binary in "${binaries[@]}"; do packages+=("./cmd/$binary"); done

# Go fetches as many modules at a time as it has processors: a few hundred of them wait for the network, not for a core.
echo "fetching the modules of Dapr $version"
GOMAXPROCS=16 go list -deps -tags allcomponents "${packages[@]}" >/dev/null

# A collector that runs less often: the compiler's processes are short and many.
echo "compiling ${binaries[*]} $version"
mkdir ../out
GOGC=${GOGC:-400} go build -tags allcomponents -trimpath -o ../out/ \
    -ldflags "-s -w -X $module/pkg/buildinfo.version=$version -X github.com/dapr/kit/logger.DaprVersion=$version" \
    "${packages[@]}"

for target; do
    image=${target%%=*} key=${target#*=}
    binary=${image##*/}
    binary=${binary%%:*}
    root=$work/rootfs-$binary
    rm -rf "$root"
    mkdir -p "$root"/{etc/ssl/certs,home/nonroot,tmp,usr/share,var/lock}
    install -m 755 "$work/out/$binary" "$root/$binary"
    # What the published base has: certificates, time zones, the user's name.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    if [ -d /usr/share/zoneinfo ]; then
        tar -C /usr/share --exclude zoneinfo/posix --exclude zoneinfo/right -ch zoneinfo | tar -C "$root/usr/share" -x
    fi
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
    chown -R 0:0 "$root"
    chown 65532:65532 "$root/home/nonroot"
    # A new named volume takes over the mode of the folder under it: the scheduler's data goes to /var/lock.
    chmod 1777 "$root/tmp" "$root/var/lock"
    tar -C "$root" --numeric-owner -c . | docker import \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
        --change 'WORKDIR /' \
        --change 'USER 65532:65532' \
        --change "LABEL dev.sandbox.stand-in=\"Dapr $binary $version built from its Go module$without\"" \
        --change "LABEL dev.sandbox.stand-in-key=$key" \
        - "$image"
    rm -rf "$root"
done
rm -rf "$work"
