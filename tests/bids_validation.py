"""The BIDS validator that the package bids-validator-deno carries; it needs no network."""

import json
import subprocess
import sys
from pathlib import Path


def validation_errors(dataset: Path) -> list[str]:
    """What the validator calls an error in a dataset and in the derivatives inside it.

    The same by hand: ``bids-validator-deno DATASET --recursive``.
    """
    command = [Path(sys.executable).parent / "bids-validator-deno", dataset]
    answer = subprocess.run(
        [*command, "--recursive", "--format", "json"], capture_output=True, text=True, check=False
    )
    if not answer.stdout.strip():
        raise RuntimeError(f"the validator did not run: {answer.stderr}")
    verdict = json.loads(answer.stdout)
    reports = [verdict, *verdict.get("derivativesSummary", {}).values()]
    return [
        f"{issue['code']} {issue.get('subCode', '')} {issue.get('location', '')}".strip()
        for report in reports
        for issue in report["issues"]["issues"]
        if issue["severity"] == "error"
    ]
