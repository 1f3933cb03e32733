#!/bin/sh
# Random passwords for compose.yaml, where there are none yet. Containers read each as a file; on this machine the folder
# keeps everybody else out, and git ignores it.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in ledger_password grafana_password; do
    [ -s "secrets/$name" ] && continue
    # No new line at the end: PostgreSQL would take it off, Grafana would not.
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"secrets/$name.part"
    # The container's user is another one than you: the folder's 0700 is what protects the file here.
    chmod 0444 "secrets/$name.part"
    mv "secrets/$name.part" "secrets/$name"
    echo "secrets/$name"
done
