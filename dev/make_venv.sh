#!/usr/bin/env bash
# Make .venv, or say which of Python 3.11, its venv module, git and make is missing.
set -euo pipefail
python="${PYTHON:-python3.11}"
command -v "$python" >/dev/null 2>&1 || python=python3
if ! command -v "$python" >/dev/null 2>&1; then
    echo "make setup: no Python found. Install Python 3.11 (Debian: apt-get install python3 python3-venv), or name one: make setup PYTHON=/path/to/python" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "make setup: $("$python" --version) found, 3.11 or newer needed. Name another: make setup PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "make setup: $("$python" --version) has no venv module (Debian: apt-get install python3-venv)." >&2
    exit 1
fi
command -v git >/dev/null 2>&1 || { echo "make setup: git is missing (Debian: apt-get install git)." >&2; exit 1; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
