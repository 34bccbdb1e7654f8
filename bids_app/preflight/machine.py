"""What the machine must offer: folders that can be written, disk, cores, a GPU, intact weights."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bids_app.preflight import needs
from bids_app.preflight.findings import MB, Finding, attempt
from pipeline.errors import MissingResource
from pipeline.files import sha256
from pipeline.machine import available_cores, cores_used
from pipeline.weights import SHIPPED, load_model, resolve_device

CHECKSUMS = SHIPPED.with_name("SHA256SUMS")


def machine_findings(output_dir: Path, work_dir: Path | None, n: int, config) -> Iterator[Finding]:
    yield attempt("machine", "output folder", lambda: writable(output_dir))
    work = work_dir or Path(tempfile.gettempdir())
    yield attempt("machine", "work folder", lambda: writable(work))
    yield attempt("machine", "disk", lambda: _disk(output_dir, n))
    yield attempt("machine", "cores", lambda: ("ok", cores()))
    yield attempt("machine", "device", lambda: ("ok", resolve_device(config.device)))
    yield attempt("machine", "weights", lambda: weights(config))


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    return next(path for path in (folder, *folder.parents) if _is_there(path))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, for example
        raise MissingResource(
            f"The folder cannot be used ({error.strerror})", file=path, hint="choose another one"
        ) from error


def writable(folder: Path) -> tuple[str, str]:
    existing = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise MissingResource(
            f"The folder cannot be written ({error.strerror})",
            file=existing,
            hint="choose another one or change its permissions",
        ) from None
    return "ok", str(folder) if existing == folder.resolve() else f"{folder} (will be created)"


def _disk(output_dir: Path, n_participants: int) -> tuple[str, str]:
    existing = _existing(output_dir)
    free_mb, needed_mb = shutil.disk_usage(existing).free // MB, needs.DISK_MB * n_participants
    if free_mb < needed_mb:
        raise MissingResource(
            f"{free_mb} MB are free and {needed_mb} MB needed",
            file=existing,
            hint="free disk space or choose another folder",
        )
    return "ok", f"{free_mb} MB free, {needed_mb} MB needed"


def cores() -> str:
    return f"{cores_used()} of {available_cores()} used"


def weights(config) -> tuple[str, str]:
    file = SHIPPED.with_name(f"generic_{config.network}.safetensors")
    shipped = not config.generic_model and file.exists()
    if shipped:
        stated = dict(line.split()[::-1] for line in CHECKSUMS.read_text().splitlines())
        if stated.get(file.name) != sha256(file):
            raise MissingResource(
                "The weights are not those that were shipped", file=file, hint="install again"
            )
    _, card = load_model(config.generic_model, config.network)
    if shipped:
        return "ok", f"{file.name} as shipped"
    return "ok", f"{Path(config.generic_model).name}, SHA-256 {card['sha256'][:12]}…"
