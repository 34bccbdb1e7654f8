#!/usr/bin/env bash
# Rewrites requirements.lock, requirements-cuda.lock and requirements-dev.lock from
# pyproject.toml. Versions that are locked already stay unless pyproject.toml forbids them; to
# renew one, delete its line first; to renew all, delete the files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pip-tools
compile() {
    # pip-compile keeps the versions it finds in its output file. The registry it read and
    # the build of torch it met ("+cpu") are this machine's business, not the lock's.
    "$scratch/venv/bin/pip-compile" --quiet --no-header --strip-extras --no-emit-options \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --allow-unsafe --all-build-deps "$@" pyproject.toml
}
clean() { sed -E 's/^(torch==[0-9.]+)\+[a-z0-9]+$/\1/; /considered to be unsafe/d; /^$/d' "$1"; }

for lock in requirements.lock requirements-dev.lock; do
    [[ -f $lock ]] && grep -v '^-r ' "$lock" >"$scratch/$lock"
done
[[ -f $scratch/requirements-dev.lock && -f $scratch/requirements.lock ]] &&
    cat "$scratch/requirements.lock" >>"$scratch/requirements-dev.lock"
compile --output-file "$scratch/requirements.lock"
clean "$scratch/requirements.lock" >"$scratch/run"
compile --no-annotate --all-extras --constraint "$scratch/run" \
    --output-file "$scratch/requirements-dev.lock"
clean "$scratch/requirements-dev.lock" >"$scratch/all"

cat - "$scratch/run" >requirements.lock <<'HEADER'
# Exact versions of everything that spikefocus runs on (Python 3.11, Linux x86-64).
# Made by `make lock` (scripts/lock.sh: pip-compile of pip-tools on pyproject.toml).
# Without hashes, because the CPU and the CUDA builds of torch share this version: which
# one comes is the choice of the index that pip is pointed to (in an image: of VARIANT).
# What the CUDA build needs is in requirements-cuda.lock.
HEADER
{
    cat <<'HEADER'
# What developing and testing spikefocus needs on top of requirements.lock.
# Made by `make lock` (scripts/lock.sh).
HEADER
    grep -E '^[a-z0-9]' "$scratch/all" | grep -vxFf <(grep -E '^[a-z0-9]' "$scratch/run")
} >requirements-dev.lock

# torch's CUDA build brings libraries of its own; of what the lock knows it takes no other version.
torch=$(sed -n 's/^torch==//p' requirements.lock)
touch requirements-cuda.lock
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --dry-run --ignore-installed \
    --report "$scratch/cuda.json" -c requirements.lock -c requirements-cuda.lock "torch!=$torch+cpu"
{
    cat <<'HEADER'
# What torch's CUDA build needs on top of requirements.lock (Linux x86-64).
# Made by `make lock` (scripts/lock.sh).
HEADER
    "$scratch/venv/bin/python" - "$scratch/cuda.json" <<'PYTHON' | grep -vxFf <(grep -E '^[a-z0-9]' "$scratch/run")
import json, re, sys
for name, version in sorted(
    (re.sub(r"[-_.]+", "-", one["metadata"]["name"]).lower(), one["metadata"]["version"])
    for one in json.load(open(sys.argv[1]))["install"]
):
    print(f"{name}=={version}")
PYTHON
} >"$scratch/cuda"
mv "$scratch/cuda" requirements-cuda.lock
