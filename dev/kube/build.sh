#!/usr/bin/env bash
# Build the parts of a real Kubernetes from their Go modules into .cache/kube/bin:
#     bash dev/kube/build.sh helm kubeconform controller-gen apiserver
# Versions and hashes are those of go.mod and go.sum in dev/kube/go/TOOL. What is built already is left alone. The caches
# that Go fills meanwhile (up to 11 GB) lie under .cache/kube/go and are removed at the end; KEEP_GO_CACHE=1 keeps them.
# Status 1 where something cannot be built, with one line that says what is missing.
set -uo pipefail
cd "$(dirname "$0")/../.."

cache=$PWD/.cache/kube
mkdir -p "$cache/bin"
export GOBIN=$cache/bin GOMODCACHE=$cache/go/mod GOCACHE=$cache/go/build CGO_ENABLED=0 GOTOOLCHAIN=local
export GOFLAGS='-mod=readonly -modcacherw -buildvcs=false -trimpath'

# As Kubernetes' own build stamps it: without a version the server calls itself v0.0.0 and clients mistrust it.
stamped() {
    local version major minor package=k8s.io/component-base/version
    version=$(sed -n 's#^\tk8s.io/kubernetes \(v[0-9.]*\).*#\1#p' go.mod)
    IFS=. read -r major minor _ <<<"${version#v}"
    echo "-X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor" \
        "-X $package.gitTreeState=clean"
}

built() { cat "dev/kube/go/$1/go.mod" "dev/kube/go/$1/go.sum" | cmp -s - "$cache/$1.sum"; }

build() {
    local tool=$1 started=$SECONDS
    built "$tool" && return
    if ! command -v go >/dev/null 2>&1; then
        echo "$tool skipped (what needs it too): no Go found. Install Go 1.26 or newer, then make setup" >&2
        return 1
    fi
    echo "Building $tool from its Go modules (minutes the first time) ..."
    if (
        cd "dev/kube/go/$tool"
        if [ "$tool" = apiserver ]; then
            exec go install -ldflags "-s -w $(stamped)" ./...
        fi
        exec go install -ldflags '-s -w' tool
    ) >"$cache/$tool.log" 2>&1; then
        cat "dev/kube/go/$tool/go.mod" "dev/kube/go/$tool/go.sum" >"$cache/$tool.sum"
        echo "$tool is built ($((SECONDS - started)) s)"
    else
        echo "$tool skipped (what needs it too): $(tail -n 1 "$cache/$tool.log"); see .cache/kube/$tool.log" >&2
        return 1
    fi
}

forget_caches() { [ -n "${KEEP_GO_CACHE:-}" ] || rm -rf "$cache/go"; }

missing=()
for tool in "$@"; do
    if [ ! -d "dev/kube/go/$tool" ]; then
        echo "There is no tool $tool: one of $(ls dev/kube/go | paste -sd' ')" >&2
        exit 2
    fi
    built "$tool" || missing+=("$tool")
done
[ ${#missing[@]} = 0 ] && exit 0

# One build at a time: the caches are shared, and a second caller finds its part built when the first is done.
exec 9>"$cache/lock"
! command -v flock >/dev/null 2>&1 || flock 9
trap forget_caches EXIT
status=0
for tool in "${missing[@]}"; do
    build "$tool" || status=$?
done
exit $status
