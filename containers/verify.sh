#!/usr/bin/env bash
# Builds the image from scratch and proves that it runs as promised: without network, as an
# arbitrary user, on a read-only root with read-only input. Prints one line per thing
# proven; the exit status is non-zero as soon as one fails.
# Needs root, buildah and util-linux; debootstrap where no image registry is reachable;
# 25 GB in $TMPDIR (/var/tmp), which are freed at the end unless KEEP=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ANY_UID=12345
readonly IMAGE=localhost/spikefocus:verify
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/spikefocus-verify.XXXXXX")
readonly WORK
readonly STARTED=$SECONDS

b() { buildah --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" "$@"; }
note() { printf '      %s\n' "$*"; }
proven() { printf 'PROVEN %s\n' "$*"; }
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
    printf '%s after %d s\n' "$([[ $status == 0 ]] && echo "all proven" || echo "not proven")" \
        $((SECONDS - STARTED))
}
trap clean_up EXIT

[[ $(id -u) -eq 0 ]] || fail "this script needs root (buildah in a chroot)"
for tool in buildah unshare git python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing; install it with apt-get"
done

# --- the base ---------------------------------------------------------------------------
if timeout 60 buildah --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" \
    pull -q docker://debian:bookworm-slim >/dev/null 2>&1; then
    base=docker.io/library/debian:bookworm-slim
    note "base: debian:bookworm-slim from its registry"
else
    note "base: no image registry is reachable, so a minimal bookworm by debootstrap stands in"
    base=localhost/bookworm-slim
    debootstrap --variant=minbase bookworm "$WORK/base" >"$WORK/debootstrap.log" 2>&1 ||
        fail "debootstrap: $(tail -1 "$WORK/debootstrap.log")"
    # What the slim image leaves out, too.
    rm -rf "$WORK"/base/usr/share/{doc,man,info,locale}/* \
        "$WORK"/base/var/cache/apt/* "$WORK"/base/var/lib/apt/lists/*
    container=$(b from scratch)
    b add -q "$container" "$WORK/base" / >/dev/null
    b commit -q --rm "$container" "$base" >/dev/null
    rm -rf "$WORK/base"
fi

# --- the image --------------------------------------------------------------------------
revision=$(git rev-parse --short HEAD)
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' pipeline/__init__.py)
mkdir "$WORK/context"
git archive HEAD | tar -x -C "$WORK/context"
[[ -z $(git status --porcelain) ]] || note "uncommitted changes are not in the image"

# pip inside finds packages as it does out here: its configuration and the local folders
# that this names are mounted for the build, and nothing of them stays in the image.
build_options=(--build-arg "BASE=$base" --build-arg "VERSION=$version"
    --build-arg "REVISION=$revision")
[[ ! -f /etc/pip.conf ]] || build_options+=(--volume /etc/pip.conf:/etc/pip.conf:ro)
while read -r path; do
    build_options+=(--volume "$path:$path:ro")
done < <(python3 -m pip config list | sed 's/\\n/ /g' | tr "=' " '\n' |
    sed -n 's#^file://##; \#^/#p' | sort -u | while read -r path; do
        [[ ! -e $path ]] || echo "$path"
    done)
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_CERT; do
    [[ -z ${!name:-} ]] || build_options+=(--build-arg "$name=${!name}")
done
begun=$SECONDS
b bud --isolation chroot "${build_options[@]}" -t "$IMAGE" "$WORK/context" \
    >"$WORK/build.log" 2>&1 || {
    tail -20 "$WORK/build.log" >&2
    fail "the image does not build"
}
container=$(b from "$IMAGE")
root=$(b mount "$container")
proven "the image builds from commit $revision in $((SECONDS - begun)) s:" \
    "$(du -sm --apparent-size "$root" | cut -f1) MB"
du -m --apparent-size -d 1 "$root"/opt/spikefocus/lib/python3.*/site-packages 2>/dev/null |
    sort -rn | sed -n 2,9p | while read -r size path; do
    note "$size MB $(basename "$path")"
done

[[ $(b inspect --type image -f '{{.OCIv1.Config.Entrypoint}}' "$IMAGE") == "[spikefocus]" ]] ||
    fail "the entry point is not spikefocus"
user=$(b inspect --type image -f '{{.OCIv1.Config.User}}' "$IMAGE")
[[ -n $user && $user != root && $user != 0 ]] || fail "the image's user is '$user'"
proven "the entry point is spikefocus, the user is $user"
if leftover=$(find "$root" -xdev \( -name pip.conf -o -name '*.whl' \) | grep .); then
    fail "left in the image by the build: $leftover"
fi

# --- how everything below runs ----------------------------------------------------------
mkdir "$WORK/demo" "$WORK/out" "$WORK/tmp"
chown $ANY_UID:$ANY_UID "$WORK/demo" "$WORK/out"
chmod 1777 "$WORK/tmp"
volumes=(--volume "$WORK/tmp:/tmp:rw" --volume "$WORK/demo:/demo:rw"
    --volume "$WORK/demo:/data:ro" --volume "$WORK/out:/out:rw")
# buildah makes the mount points once, as root; then the root becomes read-only.
b run --isolation chroot "${volumes[@]}" "$container" -- true
inside() {
    # A network name space of its own has no network; a mount name space of its own lets
    # the container's root be read-only for this run alone.
    unshare --net --mount bash -euc '
        mount --bind "$0" "$0"
        mount -o remount,bind,ro "$0"
        exec buildah "$@"' "$root" \
        --storage-driver vfs --root "$WORK/storage" --runroot "$WORK/run" \
        run --isolation chroot --user $ANY_UID:$ANY_UID "${volumes[@]}" "$container" -- "$@"
}
manifest() { (cd "$1" && find . -xdev -type f -print0 | sort -z | xargs -0r sha256sum); }
listing() { (cd "$1" && find . -xdev -printf '%p %y %s %u:%g %m %T@\n' | sort); }

[[ $(inside id -u) == "$ANY_UID" ]] || fail "the user id inside is not $ANY_UID"
proven "it runs as user $ANY_UID:$ANY_UID, which has no name and no home"
if inside python3 -c '
import socket
socket.create_connection(("1.1.1.1", 53), timeout=5)' 2>/dev/null; then
    fail "there is a network inside"
fi
[[ $(inside sh -c 'tail -n +3 /proc/net/dev | grep -vc "lo:" || true') == 0 ]] ||
    fail "there is a network interface inside"
proven "there is no network inside"
for place in / /opt/spikefocus /home /var/tmp /data; do
    ! inside sh -c "echo x > $place/written-by-verify" 2>/dev/null ||
        fail "$place can be written to"
done
# The same as root, whom file permissions don't stop.
! unshare --net --mount bash -euc 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"
    exec buildah "$@"' "$root" --storage-driver vfs --root "$WORK/storage" \
    --runroot "$WORK/run" run --isolation chroot --user 0:0 "${volumes[@]}" "$container" -- \
    sh -c 'echo x > /opt/spikefocus/written-by-verify' 2>/dev/null ||
    fail "the root is not read-only"
proven "root file system and input are read-only"

[[ $(inside spikefocus --version) == "spikefocus $version" ]] || fail "spikefocus --version"
listing "$root" >"$WORK/root-before"

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
strangers=$(find "$WORK/out" "$WORK/demo" ! \( -uid $ANY_UID -gid $ANY_UID \) | head -3)
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
