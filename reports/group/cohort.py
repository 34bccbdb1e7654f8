"""The cohort as tables: patients with their subgroups, and one row per patient and method."""

import re
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.methods import METHODS
from pipeline.metrics import METRICS
from pipeline.metrics._metric import Derived
from pipeline.records.image_qc import Grade
from pipeline.tables import read_tsv
from pipeline.text import plain

NOT_STATED = "not stated"
NOT_PROCESSED = "not processed"
SEIZURE_FREE, NOT_SEIZURE_FREE = "seizure-free", "not seizure-free"
# Which column of participants.tsv tells a subgroup: the first of these that is there.
_COLUMNS = {
    "epilepsy": ("epilepsy_type", "epilepsy", "lobe", "localisation", "localization"),
    "centre": ("centre", "center", "site", "hospital"),
    "outcome": ("seizure_free", "engel_class", "engel", "ilae", "outcome"),
}
FACTORS = tuple(_COLUMNS)
_MISSING = {"", "n/a", "na", "nan", "unknown"}
_OTHER_LOBES = r"front|pariet|occipit|insul|cingul|central|hypothalam"


@dataclass(frozen=True)
class Note:
    """What the group's report says of a participant beside metrics and subgroups.

    Attributes
    ----------
    virtual : bool
        There is no such person.
    n_types : float
        Types of spikes among the marks; NaN where unknown.
    grade : Grade or None
        Of certainty, of the personalized map of the type with most marks; None where none is given.
    """

    virtual: bool = False
    n_types: float = float("nan")
    grade: Grade | None = None


@dataclass(frozen=True)
class Cohort:
    """Everybody who was to be processed, and what came out.

    Attributes
    ----------
    patients : DataFrame
        Indexed by participant_id; columns `FACTORS`, `state`, `message`, `virtual` (bool) and
        `n_types` (NaN where unknown).
    metrics : DataFrame
        Of each patient's type of spikes with most marks: indexed by participant_id and method; one
        float column per metric, NaN where not assessable. What is tested has one row per patient,
        because the types of one patient are no independent samples.
    of_types : DataFrame
        The same of every type that is imaged, indexed by participant_id, type and method.
    reasons : DataFrame
        As `metrics`: why a value is missing, or None.
    units : dict
        By metric.
    definitions : dict
        By metric, from the metrics files' sidecars.
    columns : dict
        By factor: the column of participants.tsv that told it, or None.
    grades : dict
        By participant_id, the grades of certainty that were given.
    """

    patients: pd.DataFrame
    metrics: pd.DataFrame
    of_types: pd.DataFrame
    reasons: pd.DataFrame
    units: dict[str, str]
    definitions: dict[str, str]
    columns: dict[str, str | None]
    grades: dict[str, Grade]

    @property
    def methods(self) -> list[str]:
        """The methods that any patient has, known ones first."""
        there = list(self.metrics.index.get_level_values("method").unique())
        rank = {name: i for i, name in enumerate(METHODS)}
        return sorted(there, key=lambda name: (rank.get(name, len(rank)), name))

    def values(self, metric: str, method: str, chosen: pd.Index | None = None) -> pd.Series:
        """One metric of one method for each patient (or those `chosen`), NaN where missing."""
        index = self.patients.index if chosen is None else chosen
        if metric not in self.metrics or method not in self.methods:
            return pd.Series(np.nan, index=index)
        return self.metrics[metric].xs(method, level="method").reindex(index)

    def reason(self, metric: str, method: str, patient: str) -> str:
        """Why a patient has no value, in words."""
        state = self.patients.loc[patient, "state"]
        if (patient, method) not in self.reasons.index:
            if state == "done" and patient not in self.reasons.index:
                return "nothing was imaged"
            if state == "done":
                return "the method was not asked for"
            return NOT_PROCESSED if state == NOT_PROCESSED else "processing failed"
        reason = self.reasons.loc[(patient, method)].get(metric)
        return reason if isinstance(reason, str) else "the metric is not defined for the method"


def read_cohort(
    metrics_files: dict[str, Path],
    participants: list[str],
    participants_tsv: Path | None,
    states: dict[str, tuple[str, str]],
    sidecar: dict,
    about: dict[str, Note] | None = None,
) -> Cohort:
    """Join metrics, participants.tsv and status.

    Parameters
    ----------
    metrics_files : dict
        By participant_id, the file of each participant that has one.
    participants : list of str
        Everybody in the dataset, as participant_id.
    participants_tsv : Path or None
    states : dict
        By participant_id: state and message of the status file.
    sidecar : dict
        Description of the metrics files.
    about : dict
        By participant_id, what else is known of a participant.

    Raises
    ------
    InvalidInput
        A metrics file or participants.tsv cannot be read.
    """
    about = about or {}
    everyone = sorted({*participants, *metrics_files})
    tables = [_read_metrics(path, name) for name, path in sorted(metrics_files.items())]
    long = pd.concat(tables, ignore_index=True)
    of_types, reasons = (_widen(long, column) for column in ("value", "reason"))
    of_types = of_types.astype(float)
    derived = {
        name: METRICS[name]
        for name in METRICS
        if isinstance(METRICS[name], Derived) and set(METRICS[name].parts) <= set(of_types)
    }
    for name, part in derived.items():
        of_types[name] = part.combined(*(of_types[each] for each in part.parts))
        # Where all are missing, they are so for one reason; one alone may be undefined.
        reasons[name] = reduce(pd.Series.combine_first, (reasons[each] for each in part.parts))
    metrics, reasons = (_of_first_type(table) for table in (of_types, reasons))
    subgroups, columns = _subgroups(participants_tsv, everyone)
    patients = subgroups.assign(
        virtual=[bool(about.get(name, Note()).virtual) for name in everyone],
        n_types=[about.get(name, Note()).n_types for name in everyone],
        state=[
            "done" if name in metrics_files else states.get(name, (NOT_PROCESSED, ""))[0]
            for name in everyone
        ],
        message=[states.get(name, ("", ""))[1] for name in everyone],
    )
    levels = sidecar.get("metric", {}).get("Levels", {})
    definitions = {name: level.get("Description", "") for name, level in levels.items()}
    units = dict(long.drop_duplicates("metric").set_index("metric")["unit"])
    definitions |= {name: part.definition for name, part in derived.items()}
    units |= {name: part.unit for name, part in derived.items()}
    grades = {name: note.grade for name, note in about.items() if note.grade is not None}
    return Cohort(patients, metrics, of_types, reasons, units, definitions, columns, grades)


def _read_metrics(path: Path, participant: str) -> pd.DataFrame:
    columns = ["method", "metric", "value", "unit", "assessable", "reason"]
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        types = pd.to_numeric(table.get("type", pd.Series("1", index=table.index)), errors="raise")
        table = table[columns].assign(type=types.astype(int))
        known = table["assessable"].str.lower() == "true"
        values = pd.to_numeric(table["value"].where(known), errors="raise")
        if table.duplicated(["type", "method", "metric"]).any():
            raise ValueError("a metric stands in it twice")
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"The metrics of {participant} cannot be read",
            file=path,
            hint="run this participant's compare stage again",
        ) from error
    return table.assign(
        value=values,
        reason=table["reason"].where(~known, None),
        participant_id=participant,
    )


def _widen(long: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row per participant, type and method, one column per metric in order of appearance."""
    keys = ["participant_id", "type", "method", "metric"]
    wide = long.set_index(keys)[column].unstack("metric")
    return wide[list(long["metric"].drop_duplicates())]


def _of_first_type(table: pd.DataFrame) -> pd.DataFrame:
    """Of several types of spikes the one with most marks, which has the lowest number."""
    types = table.index.get_level_values("type").to_series(index=table.index)
    return table[types == types.groupby("participant_id").transform("min")].droplevel("type")


def _subgroups(
    participants_tsv: Path | None, everyone: list[str]
) -> tuple[pd.DataFrame, dict[str, str | None]]:
    table = pd.DataFrame(index=pd.Index([], name="participant_id"))
    if participants_tsv is not None and participants_tsv.is_file():
        table = read_tsv(participants_tsv, ("participant_id",), []).set_index("participant_id")
        if table.index.duplicated().any():
            raise InvalidInput(
                "a participant stands in it twice",
                file=participants_tsv,
                hint="keep one of the rows",
            )
    found = {}
    chosen: dict[str, str | None] = {}
    for factor, names in _COLUMNS.items():
        name = next((n for n in names if n in table.columns), None)
        chosen[factor] = name
        stated = table[name] if name else pd.Series(dtype=str)
        found[factor] = [_level(factor, name, str(stated.get(who, ""))) for who in everyone]
    return pd.DataFrame(found, index=pd.Index(everyone, name="participant_id")), chosen


def _level(factor: str, column: str | None, value: str) -> str:
    """The subgroup that a cell of participants.tsv names; `NOT_STATED` where it is not understood."""
    text = value.strip().lower()
    if text in _MISSING:
        return NOT_STATED
    if factor == "centre":
        return plain(value.strip())
    return _epilepsy(text) if factor == "epilepsy" else _outcome(text, column)


def _epilepsy(text: str) -> str:
    extratemporal = re.search(r"extra|^etle|" + _OTHER_LOBES, text) is not None
    temporal = re.search(r"(?<!extra)(?<!extra-)temporal|^m?tle", text) is not None
    # "fronto-temporal" names both, and counts as neither.
    if temporal == extratemporal:
        return NOT_STATED
    return "temporal" if temporal else "extratemporal"


def _outcome(text: str, column: str) -> str:
    scale = re.fullmatch(r"(?:engel|ilae)?\s*(?:class\s*)?(iv|i{1,3}|[1-6])[a-d]?\d?", text)
    if scale and column != "seizure_free":
        # ILAE 2 is Engel I, too: auras, no other seizures.
        free = {"i", "1", "2"} if "ilae" in (column, text[:4]) else {"i", "1"}
        return SEIZURE_FREE if scale[1] in free else NOT_SEIZURE_FREE
    if text in {"yes", "true", "1", "s", "success", "seizure-free", "seizure free"}:
        return SEIZURE_FREE
    if text in {"no", "false", "0", "f", "failure", "not seizure-free", "not seizure free"}:
        return NOT_SEIZURE_FREE
    return NOT_STATED
