"""The command line as a Boutiques descriptor, for platforms that offer tools by it.

Source: Glatard et al., GigaScience 7, 2018, giy016; schema version 0.5.
"""

import argparse
import re
from pathlib import Path

from bids_app.exit_codes import ExitCode
from bids_app.parsers import bids_app_parser
from pipeline import __version__

# Folders that need not be there.
_MADE = ("output_dir", "work_dir")


def descriptor() -> dict:
    """Descriptor of ``spikefocus BIDS_DIR OUTPUT_DIR participant|group`` and all its options."""
    actions = [
        action
        for action in bids_app_parser()._actions
        if not isinstance(action, argparse._HelpAction | argparse._VersionAction)
    ]
    inputs = [_input(action) for action in actions]
    return {
        "name": "spikefocus",
        "description": "Sources of interictal MEG spikes, with a network personalized to the "
        "patient's head. Research use only.",
        "tool-version": __version__,
        "schema-version": "0.5",
        "command-line": " ".join(["spikefocus", *(one["value-key"] for one in inputs)]),
        "inputs": inputs,
        "output-files": [
            {
                "id": "output_folder",
                "name": "derivatives",
                "path-template": "[OUTPUT_DIR]",
                "description": "BIDS derivatives with one report per participant",
            }
        ],
        "error-codes": [
            {"code": int(code), "description": code.meaning}
            for code in ExitCode
            if code is not ExitCode.DONE
        ],
        "tags": {"domain": ["neuroinformatics", "meg", "epilepsy"]},
    }


def _input(action: argparse.Action) -> dict:
    flag = next((name for name in action.option_strings if name.startswith("--")), None)
    described = {
        "id": action.dest,
        "name": action.dest.replace("_", " "),
        "type": _type_of(action),
        "value-key": f"[{re.sub('[^A-Z0-9]', '_', action.dest.upper())}]",
        "optional": flag is not None and not action.required,
    }
    if action.help:
        described["description"] = action.help
    if flag is not None:
        described["command-line-flag"] = flag
    if action.nargs in ("+", "*"):
        described["list"] = True
    if action.choices is not None:
        described["value-choices"] = list(action.choices)
    return described


def _type_of(action: argparse.Action) -> str:
    if isinstance(action, argparse._StoreTrueAction):
        return "Flag"
    # Numbers have checks of their own, which a platform's would only repeat.
    return "File" if action.type is Path and action.dest not in _MADE else "String"
