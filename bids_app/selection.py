"""Which participants and files the command line asks for, checked before anything is processed."""

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable
from pathlib import Path

import mne_bids

from bids_app.config import ConfigError
from bids_app.dataset import (
    PatientFiles,
    Query,
    find_patient,
    is_label,
    participant_labels,
    unusable_participants,
)
from bids_app.dataset.recordings import files_of, imaged_datatype
from bids_app.parsers import AUTO
from pipeline.compare.labels import read_contact_labels
from pipeline.errors import SpikefocusError
from pipeline.files import read_json
from pipeline.headmodel.given_trans import read_head_to_mri
from pipeline.modality import MODALITIES, datatypes
from pipeline.names import entities_of
from reports.clinical_file import read_clinical_file

_FILTERED = ("t1w", *datatypes())
_ENTITIES = (*mne_bids.get_entities_from_fname("sub-01"), "suffix", "datatype", "extension")


class NothingToProcess(SpikefocusError):
    """No participant matches what was asked for."""


def wanted_labels(bids_dir: Path, asked: list[str]) -> list[str]:
    """Participants asked for, without ``sub-``, each once; all of the dataset where none was named.

    Raises
    ------
    ConfigError
        A word cannot be a label.
    NothingToProcess
        None of them is in the dataset.
    """
    labels = plain_labels("--participant-label", "sub-", asked)
    known = participant_labels(bids_dir)
    if not known or (labels and not set(labels) & set(known)):
        what = f"participants {', '.join(labels)} are" if labels and known else "participants are"
        unusable = "".join(f"; {sentence}" for sentence in unusable_sentences(bids_dir))
        raise NothingToProcess(
            f"no {what} in {bids_dir}{unusable}",
            hint=f"choose among: {', '.join(known[:10])}" if known else "check --participant-label",
        )
    return labels or known


def plain_labels(option: str, prefix: str, asked: list[str]) -> list[str]:
    """The labels given to an option, without the prefix that BIDS names have, each once.

    Raises
    ------
    ConfigError
        A word cannot be a label.
    """
    labels = [label.removeprefix(prefix) for label in asked]
    for given, label in zip(asked, labels, strict=True):
        if not is_label(label):
            raise ConfigError(
                f"{option} is {given!r}, which is no label",
                hint="a label has letters and digits only; rename the files if they have others",
            )
    return list(dict.fromkeys(labels))


def unusable_sentences(bids_dir: Path) -> list[str]:
    """A sentence for each entry of the dataset that looks like a participant and cannot be one."""
    reasons = unusable_participants(bids_dir)
    return [f"{name!r} is passed over: {reason}" for name, reason in reasons.items()]


def finder(
    args: argparse.Namespace, labels: list[str], spike_name: tuple[str, ...]
) -> Callable[[str], PatientFiles]:
    """From a label to the participant's files, by the options of a run.

    Parameters
    ----------
    args : Namespace
    labels : list of str
        Of all participants that will be asked for.
    spike_name : tuple of str
        Words or phrases that name a spike.

    Raises
    ------
    ConfigError
        An option names what does not exist.
    InvalidInput
        The contact labels are not understood.
    """
    query = _query(args, labels, spike_name)
    derivatives = _derivatives(args.derivatives)
    use_freesurfer = args.fs_subjects_dir != "none"
    subjects_dir = Path(args.fs_subjects_dir) if args.fs_subjects_dir and use_freesurfer else None
    if subjects_dir is not None and not subjects_dir.is_dir():
        raise ConfigError(
            "The folder does not exist",
            file=subjects_dir,
            hint="check --fs-subjects-dir; 'none' uses the template head model",
        )
    if args.marks is not None and args.detect_spikes:
        raise ConfigError(
            "--marks gives the spikes and --detect-spikes looks for them",
            hint="give one of the two",
        )
    if args.detect_spikes and args.modality not in (AUTO, *_detectable()):
        raise ConfigError(
            f"--detect-spikes with --modality {args.modality}: how many marks would be false was measured on "
            f"{', '.join(MODALITIES[name].label for name in _detectable())} alone",
            hint="give marks, or leave --modality out",
        )
    read_contact_labels(args.contact_labels)  # what it does wrong is said before the work begins

    if args.trans is not None:
        _check_trans(args.trans, labels)
    if args.clinical_file is not None:
        _check_clinical_file(args.clinical_file, labels)

    def find(label: str) -> PatientFiles:
        files = find_patient(
            args.bids_dir,
            label,
            query,
            derivatives,
            subjects_dir,
            use_freesurfer,
            args.follow_links,
        )
        return dataclasses.replace(
            files,
            contact_labels=args.contact_labels,
            trans=args.trans or files.trans,
            clinical=args.clinical_file or files.clinical,
        )

    return find


def _detectable() -> list[str]:
    return [name for name in MODALITIES if MODALITIES[name].calibrated]


def _check_trans(file: Path, labels: list[str]) -> None:
    if len(labels) > 1:
        raise ConfigError(
            f"--trans names the co-registration of one participant, and {len(labels)} are to be "
            "processed",
            hint="give one --participant-label",
        )
    if not file.is_file():
        raise ConfigError("The file does not exist", file=file, hint="check --trans")
    read_head_to_mri(file)


def _check_clinical_file(file: Path, labels: list[str]) -> None:
    if len(labels) > 1:
        raise ConfigError(
            f"--clinical-file is about one participant, and {len(labels)} are to be processed",
            hint="give one --participant-label, or put a sub-X_clinical.toml into the dataset",
        )
    if not file.is_file():
        raise ConfigError("The file does not exist", file=file, hint="check --clinical-file")
    read_clinical_file(file)


def _query(args: argparse.Namespace, labels: list[str], spike_name: tuple[str, ...]) -> Query:
    modality = "" if args.modality == AUTO else args.modality
    wanted, names = {}, _recordings(args.bids_dir, labels, modality)
    for entity, prefix, option in (
        ("session", "ses-", "--session-label"),
        ("task", "task-", "--task"),
        ("run", "run-", "--run"),
    ):
        given = args.session_label if entity == "session" else getattr(args, entity)
        wanted[entity] = plain_labels(option, prefix, given)
        if wanted[entity]:
            _check_there(option, prefix, wanted[entity], names)
    filters = _filters(args.bids_filter_file)
    return Query(
        tuple(wanted["session"]),
        tuple(wanted["task"]),
        tuple(wanted["run"]),
        filters,
        tuple(spike_name),
        _marks_dir(args.marks),
        modality,
    )


def _marks_dir(folder: Path | None) -> Path | None:
    if folder is not None and not folder.is_dir():
        raise ConfigError("The folder of marks does not exist", file=folder, hint="check --marks")
    return folder


def _check_there(option: str, prefix: str, wanted: list[str], names: list[str]) -> None:
    """Refuse labels of which the recordings called `names` have none, and tell those they lack."""
    found = (re.search(rf"_{prefix}([0-9A-Za-z+]+)_", name) for name in names)
    there = {match[1] for match in found if match}

    def value(label: str) -> str:
        return entities_of(f"{prefix}{label}")[prefix.rstrip("-")]

    known = set(map(value, there))
    absent = [label for label in wanted if value(label) not in known]
    if not names or not absent:
        return
    told = f"{option} is {absent[0]!r}, which none of the participants' recordings has"
    if len(absent) == len(wanted):
        allowed = " or ".join(sorted(there)) or "nothing: their names have no such part"
        raise ConfigError(told, hint=f"allowed is {allowed}")
    print(f"spikefocus: {told}", file=sys.stderr)


def _recordings(bids_dir: Path, labels: list[str], modality: str) -> list[str]:
    """Names of all recordings of the participants, of the kind that a modality is taken from."""
    return [
        path.name
        for folder in (bids_dir / f"sub-{label}" for label in labels)
        for path in files_of(folder, imaged_datatype(folder, modality))
    ]


def _derivatives(given: list[str]) -> dict[str, Path]:
    derivatives = {}
    for each in given:
        name, _, path = each.rpartition("=")
        name = name or Path(path).name
        if name in derivatives:
            raise ConfigError(
                f"--derivatives names two folders {name!r}",
                file=path,
                hint="give them different names, as in first=PATH second=PATH",
            )
        if not Path(path).is_dir():
            raise ConfigError(
                "The derivatives folder does not exist", file=path, hint="check --derivatives"
            )
        derivatives[name] = Path(path)
    return derivatives


def _filters(path: Path | None) -> dict[str, dict[str, str | None]]:
    """Read ``--bids-filter-file``."""
    if path is None:
        return {}
    try:
        filters = read_json(path)
        _check_filters(filters)
    except OSError as error:
        raise ConfigError(
            f"The filter file cannot be read ({error.strerror})",
            file=path,
            hint="check --bids-filter-file",
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"The filter file cannot be used: {error}", file=path, hint="repair it"
        ) from error
    return filters


def _check_filters(filters: dict) -> None:
    if not all(isinstance(v, dict) for v in filters.values()):
        kinds = ", ".join(f'"{kind}": {{...}}' for kind in _FILTERED)
        raise ValueError(f"expected {{{kinds}}}")
    for kind, entities in filters.items():
        if kind not in _FILTERED:
            raise ValueError(
                f"{kind[:40]!r} is filtered by none; allowed is {' or '.join(_FILTERED)}"
            )
        for entity, value in entities.items():
            if entity not in _ENTITIES:
                raise ValueError(
                    f"{entity[:40]!r} in {kind!r} is no entity; allowed is {', '.join(_ENTITIES)}"
                )
            # An extension begins with a dot, which no label has.
            label = (
                value.replace(".", "")
                if entity == "extension" and isinstance(value, str)
                else value
            )
            if value is not None and not (isinstance(label, str) and is_label(label)):
                raise ValueError(
                    f"{entity!r} in {kind!r} is {value!r:.60}; allowed is one label as text, or null "
                    "for files without this entity"
                )
