#!/usr/bin/env bash
# Makes .venv: system libraries, virtual environment, locked packages, spikefocus itself.
# Needs python3 (3.11 or newer); root or sudo only for system packages that are missing.
# PYTHON names another interpreter. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=${PYTHON:-python3}
readonly VENV=.venv

say() { printf '%s setup: %s\n' "$(date +%H:%M:%S)" "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

system_packages_missing() {
    if [[ ! -x $VENV/bin/pip ]] && ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        echo python3-venv
    fi
    local package library
    while read -r package library; do
        [[ $package == "#"* ]] && continue
        # ldconfig is not on the search path of an ordinary Debian user: ask the loader.
        "$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$library" 2>/dev/null ||
            echo "$package"
    done <containers/system-libraries.txt
}

install_system_packages() {
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        die "these system libraries are missing (Debian's names): $*; install what your system" \
            "calls them, then run the same command again."
    fi
    if [[ ${#as_root[@]} -gt 0 ]] && ! sudo -n true 2>/dev/null; then
        die "the system packages $* are missing and this account may not install them; run" \
            "'sudo apt-get install --no-install-recommends -y $*', then the same command again."
    fi
    say "installing the system packages $*"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends -y "$@" >/dev/null
}

command -v "$PYTHON" >/dev/null || die "$PYTHON is missing; install Python 3.11 or newer."
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$("$PYTHON" --version) is too old; set PYTHON to a Python 3.11 or newer."

mapfile -t missing < <(system_packages_missing)
if [[ ${#missing[@]} -gt 0 ]]; then
    install_system_packages "${missing[@]}"
fi

[[ -x $VENV/bin/pip ]] || "$PYTHON" -m venv "$VENV"

pip_options=(--disable-pip-version-check)
# A terminal gets pip's own progress bars; a log gets our few lines.
[[ -t 1 ]] || pip_options+=(--quiet --progress-bar off)
say "installing the locked packages into $VENV (minutes, by the network)"
"$VENV/bin/pip" install "${pip_options[@]}" -r requirements.lock -r requirements-dev.lock
"$VENV/bin/pip" install "${pip_options[@]}" --no-deps --no-build-isolation --editable .
touch "$VENV/.done"
say "done"
