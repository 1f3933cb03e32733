#!/usr/bin/env bash
# Resolve requirements.lock (what runs), requirements-dev.lock (the workshop's tools on top) and requirements-gpu.lock
# (what runs with a card), without index addresses.
set -euo pipefail
uv=.venv/bin/uv
common=(--universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-annotate --quiet
        --custom-compile-command "make lock" --no-emit-package opencv-python --no-emit-package backports-strenum)
"$uv" pip compile pyproject.toml dev/build.in "${common[@]}" -o requirements.lock
"$uv" pip compile --group dev -c requirements.lock "${common[@]}" -o requirements-dev.lock
"$uv" pip compile pyproject.toml dev/build.in --extra gpu --overrides dev/gpu-overrides.txt --no-emit-package onnxruntime \
    -c requirements.lock "${common[@]}" -o requirements-gpu.lock
