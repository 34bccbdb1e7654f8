#!/usr/bin/env bash
# Installs what single tests need beside the virtual environment, so that none is skipped: a browser,
# DICOM peers, a validator of DICOM objects, PDF tools, a Japanese typeface (Debian, as root), and
# Snakemake in an environment of its own (.tools), whose versions would fight with ours. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=${PYTHON:-python3}
readonly SNAKEMAKE=9.27.1

declare -A package_of=(
    [chromium]=chromium [Orthanc]=orthanc [dciodvfy]=dicom3tools [pdftoppm]=poppler-utils
    [systemd-analyze]=systemd [dcm2pdf]=dcmtk
)
missing=()
for program in "${!package_of[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
fc-list : file | grep -q /ipaexg.ttf || missing+=(fonts-ipaexfont-gothic fontconfig)
if [[ ${#missing[@]} -gt 0 ]]; then
    if [[ $(id -u) -ne 0 ]]; then
        echo "test tools: these need root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends -y "${missing[@]}" >/dev/null
fi
if [[ ! -x .tools/bin/snakemake ]]; then
    "$PYTHON" -m venv .tools
    .tools/bin/pip install --quiet --disable-pip-version-check "snakemake==$SNAKEMAKE"
fi
