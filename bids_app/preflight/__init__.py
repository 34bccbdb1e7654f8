"""Say in seconds whether a run can succeed, before it is queued."""

import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bids_app.dataset import PatientFiles
from bids_app.exit_codes import ExitCode, Outcome, exit_code_of
from bids_app.preflight.findings import Finding
from bids_app.preflight.installation import installation_findings
from bids_app.preflight.machine import machine_findings
from bids_app.preflight.participant import participant_findings
from pipeline.paths import PatientPaths
from pipeline.text import plain

_STYLES = {"ok": "green", "note": "yellow", "FAIL": "bold red"}


def check(
    output_dir: Path,
    work_dir: Path | None,
    labels: list[str],
    unusable: list[str],
    find: Callable[[str], PatientFiles],
    configs: dict[str, Any],
    as_json: bool,
) -> ExitCode:
    """Print what was found, as a table or as JSON; return the code that the run would begin with.

    Reads images whole and, of recordings, headers and marks, with the stages' own code.
    """
    logging.getLogger("mne").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = list(machine_findings(output_dir, work_dir, len(labels), configs["personalize"]))
        findings += [Finding("dataset", "participants", "note", label) for label in unusable]
        for label in labels:
            findings += participant_findings(PatientPaths(output_dir, label), find, configs)
    failed = [finding for finding in findings if finding.state == "FAIL"]
    of_machine = [finding.outcome for finding in failed if finding.subject == "machine"]
    first = {f.subject: f.outcome for f in reversed(failed)}
    outcomes = [first.get(f"sub-{label}", Outcome.DONE) for label in labels]
    code = exit_code_of(of_machine or outcomes)
    return _conclude(findings, code, "This run can succeed.", as_json)


def check_installation(configs: dict[str, Any], as_json: bool) -> ExitCode:
    """The same without a dataset: is spikefocus whole, and is the GPU there that was asked for?"""
    findings = list(installation_findings(configs["personalize"]))
    failed = [finding.outcome for finding in findings if finding.state == "FAIL"]
    code = exit_code_of(failed or [Outcome.DONE])
    return _conclude(findings, code, "spikefocus can work here.", as_json)


def _conclude(findings: list[Finding], code: ExitCode, good: str, as_json: bool) -> ExitCode:
    if as_json:
        report = {"exit_code": code, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(report, indent=2))
    else:
        _print(findings)
        print(
            good
            if code is ExitCode.DONE
            else f"A run would end with exit code {int(code)} ({code.name.lower()})."
        )
    return code


def _print(findings: list[Finding]) -> None:
    table = Table("", "check", "", "found")
    for i, finding in enumerate(findings):
        repeated = i and findings[i - 1].subject == finding.subject
        if not repeated and i:
            table.add_section()
        detail = finding.detail + (f"; {finding.hint}" if finding.hint else "")
        # As Text, so that brackets in a message are no markup.
        table.add_row(
            "" if repeated else finding.subject,
            finding.check,
            Text(finding.state, style=_STYLES[finding.state]),
            Text(plain(detail)),
        )
    Console().print(table)
