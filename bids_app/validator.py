"""The BIDS validator's word on the dataset: a warning in the log, never a reason to stop."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from bids_app.progress import ConsoleProgress
from pipeline.files import to_json, write_shared_text

_TIME_LIMIT_S = 300


def find_validator() -> str | None:
    """Path of ``bids-validator-deno``, beside this Python or on the PATH."""
    beside = Path(sys.executable).with_name("bids-validator-deno")
    return str(beside) if beside.exists() else shutil.which("bids-validator-deno")


def validate(bids_dir: Path) -> list[dict]:
    """Issues of the dataset and of the derivatives in it: code, severity, location; no network.

    Raises
    ------
    OSError, ValueError, subprocess.SubprocessError
        If the validator is not installed or gives no JSON.
    """
    program = find_validator()
    if program is None:
        raise OSError("bids-validator-deno is not installed")
    done = subprocess.run(
        [program, str(bids_dir), "--recursive", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT_S,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DENO_NO_UPDATE_CHECK": "1"},
    )
    verdict = json.loads(done.stdout)
    reports = [verdict, *verdict.get("derivativesSummary", {}).values()]
    return [issue for report in reports for issue in report["issues"]["issues"]]


def report(bids_dir: Path, target: Path) -> None:
    """Write the validator's findings to `target` and say how many errors there are.

    Published datasets often break a rule that does not concern us, and one broken file
    must not stop the other participants: each stage checks the files that it reads.
    """
    progress = ConsoleProgress("BIDS validator")
    try:
        issues = validate(bids_dir)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        progress.warn(f"the dataset was not validated ({error})")
        return
    write_shared_text(target, to_json({"issues": issues}))
    errors = [issue for issue in issues if issue.get("severity") == "error"]
    if errors:
        codes = sorted({issue.get("code", "?") for issue in errors})
        progress.warn(f"{len(errors)} errors ({', '.join(codes[:5])}); see {target.name}")
    else:
        progress.info("no errors")
