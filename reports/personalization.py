"""The network's weights: whether personalization was used, what it changed, the model card."""

from pathlib import Path

from pipeline.methods import METHODS
from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths
from pipeline.records.model_card import HeldOut, ModelCard, read_card
from pipeline.records.personalize_qc import ErrorsQC
from pipeline.weights import SHIPPED
from reports.patient import Patient
from reports.wording import NOT_ASSESSABLE, method_name, number

ERRORS = {
    "found_to_true_mm": "Found regions to the true patch",
    "true_to_found_mm": "True patch to the found regions",
    "maximum_to_centre_mm": "Maximum to the patch’s centre",
}
_GENERIC_MAP = (
    "The map in the files called “personalized” is that of the generic weights, given this head’s "
    "leadfield."
)


def personalization_sentence(patient: Patient) -> str:
    """Whether personalized weights made the map, with the held-out error before and after."""
    qc = patient.qc.personalize
    if qc is None and not patient.qc.spikes.imaged:
        return "No weights were personalized, because nothing is imaged."
    if qc is None:
        return f"Whether personalization helped is {NOT_ASSESSABLE}: the stage left no record."
    before, after = (
        number(errors.found_to_true_mm_mean, "mm", 1) for errors in (qc.before, qc.after)
    )
    if not qc.best_step:
        return (
            f"Personalization was not used: fine-tuning ended by itself after {qc.steps} steps, none "
            "of which lowered the loss on synthetic spikes of this head. The mean localisation error "
            f"(found regions to true patch) of the generic weights on {qc.n_test_recordings} held-out "
            f"synthetic spikes of {qc.n_test_heads} heads that this head could be is {before}. "
            f"{_GENERIC_MAP}"
        )
    gain, spread = number(qc.gain_mm, "", 2), number(qc.gain_standard_error_mm, "mm", 2)
    change = (
        f"the mean localisation error (found regions to true patch) on "
        f"{qc.n_test_recordings} held-out synthetic spikes of this head was {before} before "
        f"and {after} after (mean fall {gain} ± {spread}, standard error over {qc.n_test_heads} "
        "heads that this head could be)"
    )
    if qc.improved:
        return f"Personalization was used: {change}."
    return (
        "Personalization was not used, because it did not help beyond chance: "
        f"{change}. {_GENERIC_MAP}"
    )


def held_out_error_mm(patient: Patient) -> float | None:
    """Mean localisation error on synthetic spikes of this head, of the weights that are used."""
    qc = patient.qc.personalize
    return None if qc is None else qc.used.found_to_true_mm_mean


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
    qc = patient.qc.personalize
    if qc is None:
        return []
    return [
        (name, _summary(qc.before, key), _summary(qc.after, key)) for key, name in ERRORS.items()
    ]


# Constants of architectures that were chosen on validation heads when the training had ended.
AFTER_TRAINING = {
    "faint_region": "Silent regions: below this share of their source’s largest (chosen after training)",
    "least_existence": "Silent further sources: less probable than (chosen after training)",
}


def model_card(patient: Patient, paths: PatientPaths) -> dict:
    """Facts about the weights and their held-out figures, from the cards that they carry.

    Returns
    -------
    card : dict
        "facts": rows of name and value; "held_out": rows of sensor SNR in dB, method, number of
        recordings, and the errors' summaries.
    """
    qc = patient.qc.personalize
    generic = _card(generic_weights(patient))
    used = _card(paths.model) or generic
    facts = [
        ("Network", None if used is None else used.network),
        ("Input", None if used is None else used.input),
        ("Weights fine-tuned to this head", None if qc is None else _yes_no(qc.improved)),
        ("Generic weights made by spikefocus", None if generic is None else generic.version),
        (
            "Synthetic recordings they were trained on",
            None if generic is None else _grouped(generic.samples),
        ),
        ("Random heads they were trained on", None if generic is None else generic.n_heads),
        ("Seed", None if generic is None else generic.seed),
        (
            "Hours of training since it was last taken up",
            None if generic is None else generic.hours_since_last_resume,
        ),
        *((name, _constant(used, key)) for key, name in AFTER_TRAINING.items()),
    ]
    held_out = None if generic is None else generic.test
    return {
        "facts": [(name, str(value)) for name, value in facts if value is not None],
        "held_out": [_held_out_row(row) for row in held_out or ()],
    }


def generic_weights(patient: Patient) -> Path | None:
    """The weights file that fine-tuning started from; None where that is not recorded."""
    qc = patient.qc.personalize
    if qc is None:
        return None
    if qc.generic_model:
        return Path(qc.generic_model)
    return SHIPPED.with_name(f"generic_{qc.network}.safetensors")


def _constant(card: ModelCard | None, key: str) -> float | None:
    return None if card is None else card.architecture.get(key)


def _card(weights: Path | None) -> ModelCard | None:
    return read_card(weights) if weights is not None and weights.exists() else None


def _held_out_row(row: HeldOut) -> tuple[str, ...]:
    low, high = row.sensor_snr_db
    method = method_name("generic" if row.method == "network" else row.method)
    summaries = (_summary(row.errors, key) for key in ERRORS)
    return (f"{low} to {high}", method, str(row.n), *summaries)


def _summary(errors: ErrorsQC, key: str) -> str:
    mean, spread, median = (
        number(getattr(errors, f"{key}_{which}"), digits=1) for which in ("mean", "sd", "median")
    )
    return f"{mean} ± {spread} ({median})"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _grouped(value: int | None) -> str | None:
    return None if value is None else f"{value:,}".replace(",", "\u202f")
