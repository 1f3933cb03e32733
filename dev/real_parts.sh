#!/usr/bin/env bash
# Fetch the real parts of the tests where they can be had: Kafka's jars through Maven, PostgreSQL and Prometheus through
# apt-get.
# Says one line per missing part and never fails the set-up: tests that need a missing part skip, with their reason.
set -uo pipefail
cd "$(dirname "$0")/.."

kafka() {
    local libs=.cache/kafka/libs
    if ! command -v java >/dev/null 2>&1; then
        echo "Real Kafka skipped (its tests too): no Java. Debian: apt-get install openjdk-17-jre-headless maven, then make setup"
        return
    fi
    # The stamp is a copy of the pom that the jars came from: another version in the pom fetches anew.
    cmp -s dev/kafka/pom.xml .cache/kafka/pom.xml && return
    if ! command -v mvn >/dev/null 2>&1; then
        echo "Real Kafka skipped (its tests too): no Maven. Debian: apt-get install maven, then make setup"
        return
    fi
    echo "Fetching Kafka's jars through Maven (43 MB the first time) ..."
    mkdir -p .cache/kafka && rm -rf "$libs.part"
    if timeout 300 mvn -q -B -f dev/kafka/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$PWD/$libs.part" -DincludeScope=runtime >.cache/kafka/maven.log 2>&1; then
        rm -rf "$libs" .cache/kafka/kafka.jsa
        mv "$libs.part" "$libs" && cp dev/kafka/pom.xml .cache/kafka/pom.xml
    else
        echo "Real Kafka skipped (its tests too): Maven could not fetch the jars; see .cache/kafka/maven.log, then make setup"
    fi
}

postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
    if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
        echo "Installing PostgreSQL for its tests ..."
        mkdir -p .cache
        # The Debian package would otherwise make and start a server of its own; tests start throw-away ones.
        local quiet=(-o Dpkg::Options::=--force-confold -y -qq --no-install-recommends)
        mkdir -p /etc/postgresql-common
        [ -f /etc/postgresql-common/createcluster.conf ] ||
            echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install "${quiet[@]}" postgresql; } \
            >.cache/apt-postgresql.log 2>&1 && return
        echo "PostgreSQL skipped (its tests too): apt-get could not install it; see .cache/apt-postgresql.log, then make setup"
    else
        echo "PostgreSQL skipped (its tests too): not found. Debian: sudo apt-get install postgresql"
    fi
}

# Unpacked below .cache, not installed: the package would start a Prometheus of its own on port 9090.
prometheus() {
    type -P prometheus >/dev/null && type -P promtool >/dev/null && return
    local home=.cache/prometheus
    [ -x "$home/usr/bin/promtool" ] && return
    if [ ! -f /etc/debian_version ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "Prometheus skipped (its tests too): not found. Put prometheus and promtool into the path"
        return
    fi
    echo "Fetching Prometheus for its tests (19 MB) ..."
    rm -rf "$home.part" && mkdir -p "$home.part"
    {
        [ "$(id -u)" != 0 ] || apt-get update -qq
        (cd "$home.part" && timeout 300 apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb)
    } >.cache/apt-prometheus.log 2>&1
    if [ -x "$home.part/usr/bin/promtool" ]; then
        rm -rf "$home" && mv "$home.part" "$home"
    else
        rm -rf "$home.part"
        echo "Prometheus skipped (its tests too): apt-get could not fetch it; see .cache/apt-prometheus.log, then make setup"
    fi
}

if [ "${1:-}" = kafka ]; then
    kafka
    [ -f .cache/kafka/pom.xml ] && touch .cache/kafka/pom.xml
else
    kafka
    postgres
    prometheus
fi
exit 0
