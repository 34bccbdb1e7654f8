"""A cohort's derivatives as the group level finds them, for its tests."""

import json
from pathlib import Path

import numpy as np

from pipeline.compare.rows import Table, as_tsv, defined, sidecar
from pipeline.files import write_json, write_text
from pipeline.metrics import METRICS
from pipeline.records.compare_qc import ContactCountsQC, ContactsQC, ResectionQC

METHODS = ("personalized", "generic", "sloreta", "lcmv", "ecd")
NO_CONTACTS, NO_MASK = "no iEEG contacts are given", "no resection mask is given"
_SIDECAR = sidecar(
    ContactsQC(
        contact_rules={},
        contact_counts=ContactCountsQC(),
        contact_transforms=(),
        soz_assessable=True,
        soz_reason=None,
    ),
    ResectionQC(resected=None, resection_assessable=True, resection_reason=None),
)
NOT_SAMPLED = "not sampled: no contact within 20 mm of the maximum"


def write_cohort(
    root: Path,
    n: int,
    without_ieeg: tuple[int, ...] = (),
    without_mask: tuple[int, ...] = (),
    not_sampled: tuple[int, ...] = (),
    failed: tuple[int, ...] = (),
    participants: list[dict] | None = None,
) -> tuple[Path, Path]:
    """Write ``bids`` and ``out`` of patients 1 to `n`; the numbers say who lacks what.

    The personalized network's values are lower than the other methods', in mm and in fractions.
    """
    bids, out = root / "bids", root / "out"
    for number in range(1, n + 1):
        label = f"sub-{number:02d}"
        (bids / label).mkdir(parents=True)
        state = {"participant": label, "state": "done", "message": None, "stages": {}}
        if number in failed:
            state |= {"state": "failed", "message": "No <b>spikes</b> are marked"}
        else:
            table = _metrics(
                number, number in without_ieeg, number in without_mask, number in not_sampled
            )
            write_text(out / label / f"{label}_metrics.tsv", as_tsv([table]))
            write_json(out / label / f"{label}_metrics.json", _SIDECAR)
        write_json(out / label / f"{label}_status.json", state)
    (bids / "dataset_description.json").write_text(
        json.dumps({"Name": "cohort", "BIDSVersion": "1.8.0"})
    )
    if participants:
        columns = list(participants[0])
        lines = ["\t".join(columns), *("\t".join(row[c] for c in columns) for row in participants)]
        (bids / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return bids, out


def _metrics(number: int, no_ieeg: bool, no_mask: bool, not_sampled: bool) -> Table:
    rng = np.random.default_rng(number)
    table = Table([])
    for rank, method in enumerate(METHODS):
        for metric in defined(method):
            value = _value(METRICS[metric].unit, rank, rng)
            reference = METRICS[metric].reference
            if (reference == "soz" and no_ieeg) or (reference == "resection" and no_mask):
                reason = NO_CONTACTS if reference == "soz" else NO_MASK
                table.add(method, metric, None, reason)
            elif metric == "sublobar_concordance" and not_sampled:
                table.add(method, metric, None, NOT_SAMPLED)
            else:
                table.add(method, metric, value)
    return table


def _value(unit: str, rank: int, rng: np.random.Generator) -> float:
    if unit == "0 or 1":
        return float(rng.uniform() < 0.8)
    if unit == "fraction":
        return 0.1 * rank + rng.uniform(0.2, 0.25)
    return 5.0 * rank + rng.uniform(2, 6)
