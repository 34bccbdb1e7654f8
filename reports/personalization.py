"""The network's weights: whether personalization was used, what it changed, the model card."""

import json
from pathlib import Path

from safetensors import safe_open

from pipeline.methods import METHODS
from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths
from pipeline.weights import SHIPPED
from reports.derivatives import Patient
from reports.wording import NOT_ASSESSABLE, method_name, number

ERRORS = {
    "found_to_true_mm": "Found regions to the true patch",
    "true_to_found_mm": "True patch to the found regions",
    "maximum_to_centre_mm": "Maximum to the patch’s centre",
}
_DECISIVE = "found_to_true_mm"


def personalization_sentence(patient: Patient) -> str:
    """Whether personalized weights made the map, with the held-out error before and after."""
    qc = patient.qc["personalize"]
    if "improved" not in qc:
        return f"Whether personalization helped is {NOT_ASSESSABLE}: the stage left no record."
    before, after = (
        number(qc[when].get(f"{_DECISIVE}_mean"), "mm", 1) for when in ("before", "after")
    )
    gain, spread = (
        number(qc.get(key), unit, 2)
        for key, unit in (("gain_mm", ""), ("gain_standard_error_mm", "mm"))
    )
    change = (
        f"the mean localisation error (found regions to true patch) on "
        f"{qc.get('n_test_recordings')} held-out synthetic spikes of this head was {before} before "
        f"and {after} after (mean fall {gain} ± {spread}, standard error)"
    )
    if qc["improved"]:
        return f"Personalization was used: {change}."
    return (
        f"Personalization was not used, because it did not help beyond chance: {change}. The map "
        "in the files called “personalized” is that of the generic weights, given this head’s "
        "leadfield."
    )


def held_out_error_mm(patient: Patient) -> float | None:
    """Mean localisation error on synthetic spikes of this head, of the weights that are used."""
    qc = patient.qc["personalize"]
    used = qc.get("after" if qc.get("improved") else "before", {})
    return used.get(f"{_DECISIVE}_mean")


def weights_sentence(patient: Patient) -> str:
    """In a line: which network made the finding's map."""
    method = METHODS[patient.finding_method]
    if not method.fine_tuned:
        return "generic weights" if isinstance(method, NetworkMethod) else "none"
    if not patient.personalization_used:
        return "generic weights (personalization did not help beyond chance)"
    return "personalized to this head"


def before_and_after(patient: Patient) -> list[tuple[str, str, str]]:
    """Name of each held-out error and its mean, spread and median before and after, in mm."""
    qc = patient.qc["personalize"]
    if "improved" not in qc:
        return []
    return [
        (name, _summary(qc["before"], key), _summary(qc["after"], key))
        for key, name in ERRORS.items()
    ]


def model_card(patient: Patient, paths: PatientPaths) -> dict:
    """Facts about the weights and their held-out figures, from the cards that they carry.

    Returns
    -------
    card : dict
        "facts": rows of name and value; "held_out": rows of sensor SNR in dB, method, number of
        recordings, and the errors' summaries.
    """
    own = read_card(paths.model)
    generic = read_card(generic_weights(patient))
    config = generic.get("config", {})
    facts = [
        ("Network", own.get("network")),
        ("Input", own.get("input")),
        ("Weights fine-tuned to this head", _yes_no(own.get("personalized"))),
        ("Generic weights made by spikefocus", generic.get("version")),
        ("Synthetic recordings they were trained on", _grouped(generic.get("samples"))),
        ("Random heads they were trained on", config.get("n_heads")),
        ("Seed", config.get("seed")),
        ("Hours of training since it was last taken up", generic.get("hours_since_last_resume")),
    ]
    return {
        "facts": [(name, str(value)) for name, value in facts if value is not None],
        "held_out": [_held_out_row(row) for row in generic.get("test", ())],
    }


def generic_weights(patient: Patient) -> Path | None:
    """The weights file that fine-tuning started from; None where that is not recorded."""
    qc = patient.qc["personalize"]
    if "network" not in qc:
        return None
    if qc.get("generic_model"):
        return Path(qc["generic_model"])
    return SHIPPED.with_name(f"generic_{qc['network']}.safetensors")


def read_card(weights: Path | None) -> dict:
    """The model card in the header of a weights file; empty where there is no such file."""
    if weights is None or not weights.exists():
        return {}
    with safe_open(weights, framework="numpy") as stored:
        return json.loads((stored.metadata() or {}).get("card", "{}"))


def _held_out_row(row: dict) -> tuple[str, ...]:
    low, high = row["sensor_snr_db"]
    method = method_name("generic" if row["method"] == "network" else row["method"])
    return (f"{low} to {high}", method, str(row["n"]), *(_summary(row, key) for key in ERRORS))


def _summary(values: dict, key: str) -> str:
    mean, spread, median = (
        number(values.get(f"{key}_{which}"), digits=1) for which in ("mean", "sd", "median")
    )
    return f"{mean} ± {spread} ({median})"


def _yes_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _grouped(value: int | None) -> str | None:
    return None if value is None else f"{value:,}".replace(",", "\u202f")
