#!/usr/bin/env bash
# Builds the image from scratch and proves that it runs as promised: without network, as an
# arbitrary user, on a read-only root with read-only input; writes its bill of materials, and
# looks its packages up among the known vulnerabilities. Prints one line per thing proven; the
# exit status is non-zero as soon as one fails. What nobody could be asked is "NOT SHOWN".
# Needs root, buildah, util-linux and python3-venv; debootstrap where no image registry is
# reachable; 25 GB in $TMPDIR (/var/tmp), which are freed at the end unless KEEP=1.
# VARIANT=cuda builds the image for GPUs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ANY_UID=12345
readonly IMAGE=localhost/spikefocus:verify
readonly VARIANT=${VARIANT:-cpu}
readonly SBOM=build/spikefocus-$VARIANT.cdx.json
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/spikefocus-verify.XXXXXX")
readonly WORK
readonly STARTED=$SECONDS

b() { buildah --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" "$@"; }
note() { printf '      %s\n' "$*"; }
proven() { printf 'PROVEN %s\n' "$*"; }
not_shown=()
not_shown() {
    not_shown+=("$1")
    printf 'NOT SHOWN %s\n' "$*"
}
fail() {
    printf 'FAILED %s\n' "$*" >&2
    exit 1
}
clean_up() {
    local status=$?
    if [[ ${KEEP:-0} == 1 ]]; then
        note "kept: $WORK"
    else
        rm -rf "$WORK"
    fi
    local words="not proven"
    [[ $status != 0 ]] || words="all proven${not_shown[*]:+ but ${not_shown[*]},}"
    printf '%s after %d s\n' "$words" $((SECONDS - STARTED))
}
trap clean_up EXIT

[[ $(id -u) -eq 0 ]] || fail "this script needs root (buildah in a chroot)"
for tool in buildah unshare git python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing; install it with apt-get"
done

# --- the base ---------------------------------------------------------------------------
base=docker.io/library/$(sed -n 's/^ARG BASE=//p' Dockerfile)
if timeout 120 buildah --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" \
    pull -q "docker://$base" >/dev/null 2>&1; then
    note "base: $base"
else
    note "base: no image registry is reachable, so a minimal bookworm by debootstrap stands in"
    base=localhost/bookworm-slim
    debootstrap --variant=minbase bookworm "$WORK/base" >"$WORK/debootstrap.log" 2>&1 ||
        fail "debootstrap: $(tail -1 "$WORK/debootstrap.log")"
    # The slim image has the sources of fixes, and leaves out documentation, too.
    sed -nE 's#^deb (\S*/debian)/? bookworm main#&\ndeb \1 bookworm-updates main\ndeb \1-security bookworm-security main#p' \
        -i "$WORK/base/etc/apt/sources.list"
    rm -rf "$WORK"/base/usr/share/{doc,man,info,locale}/* \
        "$WORK"/base/var/cache/apt/* "$WORK"/base/var/lib/apt/lists/*
    container=$(b from scratch)
    b add -q "$container" "$WORK/base" / >/dev/null
    b commit -q --rm "$container" "$base" >/dev/null
    rm -rf "$WORK/base"
fi

# --- the image --------------------------------------------------------------------------
mapfile -t labels < <(containers/labels.sh | tr ' ' '\n')
label() { printf '%s\n' "${labels[@]}" | sed -n "s/^$1=//p"; }
revision=$(label REVISION)
version=$(label VERSION)
mkdir "$WORK/context"
git archive HEAD | tar -x -C "$WORK/context"
[[ -z $(git status --porcelain) ]] || note "uncommitted changes are not in the image"

# pip inside finds packages as it does out here: its configuration, its certificates and the
# local folders that it names are mounted for the build; at most empty mount points stay.
build_options=(--build-arg "BASE=$base" --build-arg "VARIANT=$VARIANT" "${labels[@]}")
[[ ! -f /etc/pip.conf ]] || build_options+=(--volume /etc/pip.conf:/etc/pip.conf:ro)
pip_config=$(python3 -m pip config list)
while read -r path; do
    [[ ! -d $path ]] || build_options+=(--volume "$path:$path:ro")
done < <(sed 's/\\n/ /g' <<<"$pip_config" | tr "=' " '\n' |
    sed -n 's#^file://##; s#/simple/*$##; \#^/#p' | sort -u)
# At a path of its own, because Debian's certificates are installed over the usual one.
certificates=$(sed -n "s/.*\.cert='\(.*\)'$/\1/p" <<<"$pip_config" | tail -1)
if [[ -n $certificates ]]; then
    cp "$certificates" "$WORK/certificates.pem"
    build_options+=(--volume "$WORK/certificates.pem:/run/certificates.pem:ro"
        --build-arg PIP_CERT=/run/certificates.pem)
fi
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS; do
    [[ -z ${!name:-} ]] || build_options+=(--build-arg "$name=${!name}")
done
begun=$SECONDS
# Only Docker's format has a health check.
b bud --format docker --isolation chroot "${build_options[@]}" -t "$IMAGE" "$WORK/context" \
    >"$WORK/build.log" 2>&1 || {
    tail -20 "$WORK/build.log" >&2
    fail "the image does not build"
}
container=$(b from "$IMAGE")
root=$(b mount "$container")
proven "the image ($VARIANT) builds from commit $revision in $((SECONDS - begun)) s:" \
    "$(du -sm --apparent-size "$root" | cut -f1) MB"
note "$(du -sm --apparent-size --exclude=opt "$root" | cut -f1) MB Debian, Python, Pango and fonts"
du -m --apparent-size -d 1 "$root"/opt/spikefocus/lib/python3.*/site-packages 2>/dev/null |
    sort -rn | sed -n 1,13p | while read -r size path; do
    note "$size MB $(basename "$path")"
done
note "$(du -sm --apparent-size "$root/opt/spikefocus/bin" | cut -f1) MB programs of the packages"

config() { b inspect --type image -f "{{.Docker.Config.$1}}" "$IMAGE"; }
[[ $(config Entrypoint) == "[spikefocus]" ]] || fail "the entry point is not spikefocus"
user=$(config User)
[[ -n $user && $user != root && $user != 0 ]] || fail "the image's user is '$user'"
[[ $(config Healthcheck.Test) == "[CMD spikefocus --preflight]" ]] || fail "no health check"
for name in version revision created; do
    [[ $(config Labels | grep -o "image\.$name:[^ ]*") == "image.$name:$(label ${name^^})" ]] ||
        fail "the label $name is not that of the commit"
done
proven "entry point spikefocus, user $user, a health check; version, revision, date in the labels"
if leftover=$(find "$root" -xdev -type f -size +0 \( -name pip.conf -o -name "*.whl" -o -name "certificates.pem" \) | grep .); then
    fail "left in the image by the build: $leftover"
fi

# --- what is inside ---------------------------------------------------------------------
# The tools that look into the image are no part of it, nor of this checkout.
python3 -m venv "$WORK/tools"
"$WORK/tools/bin/pip" install --quiet --disable-pip-version-check cyclonedx-bom pip-audit \
    >"$WORK/tools.log" 2>&1 || fail "the tools cannot be installed: $(tail -1 "$WORK/tools.log")"
listed=$("$WORK/tools/bin/python" containers/sbom.py "$root" "$version-$revision" "$SBOM") ||
    fail "the bill of materials"
proven "bill of materials (CycloneDX, valid) in $SBOM: $listed"
asked=0
answer=$("$WORK/tools/bin/python" containers/audit.py "$SBOM") || asked=$?
while read -r line; do note "$line"; done <<<"$answer"
case $asked in
    0) proven "no vulnerability of the Python packages is known to who was asked" ;;
    2) not_shown "known vulnerabilities" "(no database could be asked, see above)" ;;
    *) fail "vulnerabilities are known" ;;
esac
updates=$(b from "$IMAGE")
if b run --isolation chroot --user 0:0 "$updates" -- apt-get update -qq >"$WORK/apt.log" 2>&1; then
    newer=$(b run --isolation chroot --user 0:0 "$updates" -- apt-get -s upgrade | grep -c ^Inst || true)
    [[ $newer == 0 ]] || fail "Debian has newer versions of $newer packages"
    proven "Debian's archive has no newer version, with repaired holes or without, of any package"
else
    not_shown "Debian's newer versions" "($(tail -1 "$WORK/apt.log"))"
fi
b rm "$updates" >/dev/null

# --- how everything below runs ----------------------------------------------------------
mkdir "$WORK/demo" "$WORK/out" "$WORK/tmp"
chown $ANY_UID:$ANY_UID "$WORK/demo" "$WORK/out"
chmod 1777 "$WORK/tmp"
volumes=(--volume "$WORK/tmp:/tmp:rw" --volume "$WORK/demo:/demo:rw"
    --volume "$WORK/demo:/data:ro" --volume "$WORK/out:/out:rw")
# buildah makes the mount points once, as root; then the root becomes read-only.
b run --isolation chroot "${volumes[@]}" "$container" -- true
in_container_as() {
    # A network name space of its own has no network; a mount name space of its own lets
    # the container's root be read-only for this run alone (but /run, where buildah puts a
    # file of its own, owned by root).
    local user=$1
    shift
    unshare --net --mount bash -euc '
        mount --bind "$0" "$0"
        mount -o remount,bind,ro "$0"
        mount -t tmpfs -o mode=755 tmpfs "$0/run"
        exec buildah "$@"' "$root" \
        --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" \
        run --isolation chroot --user "$user" "${volumes[@]}" "$container" -- "$@"
}
inside() { in_container_as $ANY_UID:$ANY_UID "$@"; }
manifest() { (cd "$1" && find . -xdev -type f -print0 | sort -z | xargs -0r sha256sum); }
listing() { (cd "$1" && find . -xdev -printf '%p %y %s %u:%g %m %T@\n' | sort); }

[[ $(inside id -u) == "$ANY_UID" ]] || fail "the user id inside is not $ANY_UID"
proven "it runs as user $ANY_UID:$ANY_UID, which has no name and no home"
inside python3 -c '
import errno, socket
try:
    socket.create_connection(("1.1.1.1", 53), timeout=5)
except OSError as error:
    assert error.errno == errno.ENETUNREACH, error
else:
    raise SystemExit("connected")
interfaces = [name for _, name in socket.if_nameindex()]
assert interfaces == ["lo"], interfaces' || fail "there is a network inside"
proven "there is no network inside"
# As root too, whom file permissions don't stop; the output folder shows that the probe works.
for user in $ANY_UID:$ANY_UID 0:0; do
    writable=$(in_container_as "$user" sh -c '
        for place in / /etc /home /opt/spikefocus /var/tmp /data /out; do
            if (: >"$place/probe") 2>/dev/null; then echo "$place"; rm "$place/probe"; fi
        done')
    [[ $writable == /out ]] || fail "writable as user $user: $writable"
done
proven "root file system and input are read-only, the output folder is writable"

[[ $(inside spikefocus --version) == "spikefocus $version" ]] || fail "spikefocus --version"
listing "$root" >"$WORK/root-before"
begun=$SECONDS
inside spikefocus --preflight >"$WORK/preflight.log" 2>&1 || {
    cat "$WORK/preflight.log" >&2
    fail "the health check"
}
proven "the health check finds weights and templates whole in $((SECONDS - begun)) s"

# --- the demo ---------------------------------------------------------------------------
begun=$SECONDS
inside spikefocus demo /demo >"$WORK/demo.log" 2>&1 || {
    tail -20 "$WORK/demo.log" >&2
    fail "spikefocus demo"
}
proven "spikefocus demo makes the virtual patient in $((SECONDS - begun)) s"

manifest "$WORK/demo" >"$WORK/input-before"
begun=$SECONDS
inside spikefocus /data/bids /out participant >"$WORK/participant.log" 2>&1 || {
    tail -40 "$WORK/participant.log" >&2
    fail "spikefocus participant: exit status $?"
}
proven "spikefocus participant exits with 0 after $((SECONDS - begun)) s"
[[ $(head -c 5 "$WORK"/out/sub-01_report.pdf) == "%PDF-" ]] || fail "the report is no PDF"
python3 - "$WORK" "$version" "$revision" <<'PYTHON' || fail "the outputs are not complete"
import json, pathlib, sys

out, version, revision = pathlib.Path(sys.argv[1], "out"), *sys.argv[2:]
status = json.loads((out / "sub-01" / "sub-01_status.json").read_text())
states = {name: stage["state"] for name, stage in status["stages"].items()}
assert len(states) == 6 and set(states.values()) == {"done"}, states
rows = (out / "sub-01" / "sub-01_metrics.tsv").read_text().splitlines()
assert len(rows) > 10, rows
generated = json.loads((out / "dataset_description.json").read_text())["GeneratedBy"][0]
assert generated["Container"]["Tag"] == f"spikefocus:{version}-{revision}", generated
PYTHON
proven "report, status (six stages done) and metrics are there, with the container's version"
strangers=$(find "$WORK/out" "$WORK/demo" ! \( -uid $ANY_UID -gid $ANY_UID \) | sed -n 1,3p)
[[ -z $strangers ]] || fail "not owned by $ANY_UID: $strangers"
proven "all $(find "$WORK/out" -type f | wc -l) output files belong to $ANY_UID:$ANY_UID"
manifest "$WORK/demo" | cmp -s - "$WORK/input-before" || fail "the input has changed"
listing "$root" | diff - "$WORK/root-before" >&2 || fail "the root file system has changed"
proven "neither the input nor the root file system has changed"
note "left in /tmp: $(cd "$WORK/tmp" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')"

verdict=$(inside python3 -c '
from pathlib import Path
from bids_app.demo.verdict import print_verdict
from pipeline.paths import PatientPaths
print_verdict(PatientPaths(Path("/out"), "01"), Path("/data/truth"))' 2>&1) ||
    fail "the finding cannot be compared with the truth: $verdict"
proven "the virtual patient's finding:"
while read -r line; do note "$line"; done <<<"$verdict"

begun=$SECONDS
inside spikefocus /data/bids /out participant >"$WORK/rerun.log" 2>&1 || fail "the rerun"
proven "a rerun with nothing changed takes $((SECONDS - begun)) s"
