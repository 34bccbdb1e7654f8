"""What the personalize stage measured about itself."""

from dataclasses import dataclass

from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import document, read_record


@dataclass(frozen=True, kw_only=True)
class ErrorsQC:
    """Localisation errors on recordings that training never saw, mm."""

    found_to_true_mm_mean: float
    found_to_true_mm_sd: float
    found_to_true_mm_median: float
    true_to_found_mm_mean: float
    true_to_found_mm_sd: float
    true_to_found_mm_median: float
    maximum_to_centre_mm_mean: float
    maximum_to_centre_mm_sd: float
    maximum_to_centre_mm_median: float


@dataclass(frozen=True, kw_only=True)
class PersonalizeQC:
    """The stage's quality file.

    Attributes
    ----------
    warnings : tuple of str
    network : str
    generic_model : str
        The file that fine-tuning started from; empty for the weights that ship.
    generic_model_sha256 : str
    improved : bool
        Whether fine-tuning lowered the error beyond chance, so that its weights are stored and used;
        else those of `generic_model_sha256` are.
    steps, n_training_recordings, n_channels : int
        Fine-tuning ends by itself where a validation brings no gain.
    best_step : int
        Whose weights validated best; 0: no step lowered the validation loss, and there are no
        weights but the generic ones.
    n_test_recordings, n_test_heads : int
        The recordings are of so many heads that the patient's could be.
    before, after : ErrorsQC
        Of the generic and the fine-tuned weights, on the same recordings.
    gain_mm, gain_standard_error_mm : float
        Mean fall of the error from the found regions to the true patch; over test heads.
    validation_loss_before, validation_loss_after : float
    """

    warnings: tuple[str, ...]
    network: str
    generic_model: str
    generic_model_sha256: str
    improved: bool
    steps: int
    best_step: int
    n_training_recordings: int
    n_test_recordings: int
    n_test_heads: int
    n_channels: int
    before: ErrorsQC
    after: ErrorsQC
    gain_mm: float
    gain_standard_error_mm: float
    validation_loss_before: float
    validation_loss_after: float

    @property
    def used(self) -> ErrorsQC:
        """Of the weights that are used."""
        return self.after if self.improved else self.before


def read_personalize_qc(paths: PatientPaths) -> PersonalizeQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(PersonalizeQC, paths.qc("personalize"), "run the personalize stage again")


def write_personalize_qc(paths: PatientPaths, qc: PersonalizeQC) -> None:
    write_json(paths.qc("personalize"), document(qc))
