"""``spikefocus``: from its command line to what runs."""

import argparse
import atexit
import io
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from bids_app.exit_codes import ExitCode
from bids_app.parsers import COMMANDS, at_least_one, bids_app_parser, command_parser
from pipeline import DEVICES
from pipeline.machine import available_cores


def main(argv: list[str] | None = None) -> int:
    """Entry point of the console script; returns the exit code."""
    _guard_what_is_written()
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        args = command_parser().parse_args(argv)
    else:
        args = _bids_app_arguments(argv)
    if args.command == "status":
        from bids_app import status

        return status.show(args.output_dir, args.json)
    if args.command == "options":
        from bids_app import options

        if args.markdown:
            print(options.markdown(), end="")
        else:
            options.show()
        return ExitCode.DONE
    _limit_threads(getattr(args, "nprocs", None))
    work_dir = getattr(args, "work_dir", None)
    # A plan's work folder is one of the nodes.
    if work_dir and args.command != "plan" and not _use_work_dir(work_dir):
        return ExitCode.MISSING_RESOURCE
    # torch names its cache after the user, in a place that all can read.
    cache = Path(tempfile.gettempdir()) / f"spikefocus_{secrets.token_hex(8)}"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    # Heavy libraries are imported after the threads are limited, which they read once.
    from bids_app import commands

    try:
        return int(commands.run(args))
    except KeyboardInterrupt:
        print("spikefocus: interrupted; run the same command again to go on", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _guard_what_is_written() -> None:
    """Keep files from everybody but the user and, where the umask lets it write, the group."""
    os.umask(os.umask(0o077) | 0o007)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _bids_app_arguments(argv: list[str]) -> argparse.Namespace:
    """``--preflight`` needs no dataset: alone, or with the options here, it checks the installation."""
    if "--preflight" in argv:
        alone = argparse.ArgumentParser(prog="spikefocus", add_help=False, allow_abbrev=False)
        alone.add_argument("--preflight", action="store_true")
        alone.add_argument("--json", action="store_true")
        alone.add_argument("--device", choices=DEVICES, default="auto")
        alone.add_argument("--nprocs", type=at_least_one)
        args, others = alone.parse_known_args(argv)
        if not others:
            args.command = "installation"
            return args
    args = bids_app_parser().parse_args(argv)
    args.command = args.analysis_level
    return args


def _limit_threads(asked: int | None) -> None:
    available = available_cores()
    for variable in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ):
        if asked:
            os.environ[variable] = str(max(1, min(asked, available)))
        else:
            os.environ.setdefault(variable, str(available))
    # On a busy machine MKL takes fewer threads than it may, and its last digits follow their number
    # and where in memory an array begins: a rerun must end in the same bytes.
    os.environ.setdefault("MKL_DYNAMIC", "FALSE")
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # Threads that wait by spinning slow every job on a shared machine, this one most of all.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _use_work_dir(work_dir: Path) -> bool:
    """Put all temporary files there; says so where that is impossible."""
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=work_dir).close()
    except OSError as error:
        said = f"the work folder cannot be written ({work_dir}: {error.strerror})"
        print(f"spikefocus: {said}; choose another --work-dir", file=sys.stderr)
        return False
    os.environ["TMPDIR"] = tempfile.tempdir = str(work_dir.resolve())
    return True


if __name__ == "__main__":
    sys.exit(main())
