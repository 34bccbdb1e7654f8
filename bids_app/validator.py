"""The BIDS validator's word on the dataset: a warning in the log, never a reason to stop."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

from bids_app.progress import ConsoleProgress
from pipeline.files import to_json, write_shared_text

_TIME_LIMIT_S = 300
# Names that BIDS itself gives; any other may be a patient's.
_OF_THE_DATASET = frozenset(
    "dataset_description.json participants.tsv participants.json README README.md CHANGES LICENSE "
    ".bidsignore derivatives sourcedata anat meg ieeg eeg func fwi dwi pet perf beh".split()
)
_ENTITIES = (
    "sub ses sample task tracksys acq nuc voi ce trc stain rec dir run mod echo flip inv mt part "
    "proc hemi space split recording chunk atlas seg scale res den label desc"
)
_SUFFIXES = (
    "T1w T2w FLAIR PDw T2star inplaneT1 inplaneT2 UNIT1 MP2RAGE ct CT mask dseg probseg meg ieeg eeg "
    "events channels electrodes coordsystem headshape markers photo scans sessions physio stim beh "
    "bold dwi"
)
_BIDS_NAME = re.compile(
    rf"(?:(?:{'|'.join(_ENTITIES.split())})-[0-9A-Za-z+]+(?:_|$))*"
    rf"(?:(?:{'|'.join(_SUFFIXES.split())})(?:\.[a-z]{{2,4}}){{0,2}})?"
)
_CODE = re.compile(r"[A-Z0-9_]{1,80}")
_SEVERITIES = ("error", "warning", "ignore")
_HIDDEN = "..."


def find_validator() -> str | None:
    """Path of ``bids-validator-deno``, beside this Python or on the PATH."""
    beside = Path(sys.executable).with_name("bids-validator-deno")
    return str(beside) if beside.exists() else shutil.which("bids-validator-deno")


def validate(bids_dir: Path) -> list[dict]:
    """Issues of the dataset and of the derivatives in it, without what they quote; no network.

    Returns
    -------
    list of dict
        ``code``, ``severity``, ``location`` and ``n``, the number of issues that agree in these.
        Names in the location that are not BIDS's own are hidden: a stray file's may be a patient's.

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
        errors="replace",
        timeout=_TIME_LIMIT_S,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DENO_NO_UPDATE_CHECK": "1"},
    )
    verdict = json.loads(done.stdout)
    reports = [verdict, *verdict.get("derivativesSummary", {}).values()]
    found = Counter(
        (_code(issue), _severity(issue), _location(issue))
        for report in reports
        for issue in report["issues"]["issues"]
    )
    return [
        {"code": code, "severity": severity, "location": location, "n": n}
        for (code, severity, location), n in sorted(found.items())
    ]


def report(bids_dir: Path, target: Path) -> None:
    """Write the validator's findings to `target` and say how many errors there are.

    Published datasets often break a rule that does not concern us, and one broken file
    must not stop the other participants: each stage checks the files that it reads.
    """
    progress = ConsoleProgress("BIDS validator")
    try:
        issues = validate(bids_dir)
    except Exception as error:
        why = str(error) if isinstance(error, OSError) else type(error).__name__
        progress.warn(f"the dataset was not validated ({why})")
        return
    write_shared_text(target, to_json({"issues": issues}))
    errors = [issue for issue in issues if issue["severity"] == "error"]
    if errors:
        n, codes = sum(issue["n"] for issue in errors), sorted({issue["code"] for issue in errors})
        progress.warn(f"{n} errors ({', '.join(codes[:5])}); see {target.name}")
    else:
        progress.info("no errors")


def _code(issue: dict) -> str:
    code = str(issue.get("code"))
    return code if _CODE.fullmatch(code) else "OTHER"


def _severity(issue: dict) -> str:
    severity = issue.get("severity")
    return severity if severity in _SEVERITIES else "warning"


def _location(issue: dict) -> str:
    parts = PurePosixPath(str(issue.get("location") or "/")).parts
    return "/".join(
        part if part in _OF_THE_DATASET or _BIDS_NAME.fullmatch(part) else _HIDDEN
        for part in parts
        if part != "/"
    )
