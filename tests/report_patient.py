"""A patient with results of every stage, for the tests of the report."""

from dataclasses import dataclass, replace
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from fake_patient import N_SPIKES, write_fake_patient
from fake_results import write_ieeg, write_images

from pipeline import compare
from pipeline.face import read_face_region
from pipeline.files import write_json, write_text
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from reports import Inputs


@dataclass(frozen=True)
class ReportPatient:
    """Where the patient's derivatives lie and what the report stage is given."""

    paths: PatientPaths
    inputs: Inputs


def write_report_patient(
    output_dir: Path,
    array: str = "neuromag",
    complete: bool = True,
    rename_contact: tuple[str, str] | None = None,
) -> ReportPatient:
    """Write results up to the comparison.

    Parameters
    ----------
    complete : bool
        Otherwise without iEEG, resection, head points and dipole.
    rename_contact : tuple of str
        A contact's name and what it becomes.
    """
    patient = write_fake_patient(output_dir, array=array)
    paths = patient.paths
    write_json(paths.qc("headmodel"), _HEADMODEL if complete else _HEADMODEL_WITHOUT_POINTS)
    write_json(paths.qc("spikes"), _SPIKES)
    write_json(paths.qc("personalize"), _PERSONALIZE)
    write_text(paths.training_curve, _CURVE)
    write_images(patient, failed=() if complete else ("ecd",))
    inputs = write_ieeg(patient)
    if rename_contact:
        for table in (*inputs.electrodes, *inputs.channels):
            table.write_text(table.read_text().replace(*rename_contact))
    if complete:
        _add_head_points(paths)
    else:
        inputs = replace(
            inputs, electrodes=[], channels=[], coordsystem=[], resection_mask=None, outcome=None
        )
    compare.run(inputs, paths, compare.Config(), Progress())
    return ReportPatient(paths, Inputs(patient.t1w))


_HEADMODEL = {
    "warnings": [],
    "head_model": "template",
    "head_model_sentence": "Template head model: fsaverage's cortex was carried to the T1w",
    "registration_correlation": 0.93,
    "face": "removed from all results",
    "head_points": 120,
    "head_points_left_out": 3,
    "head_point_distance_median_mm": 1.8,
    "head_point_distance_p95_mm": 4.1,
    "landmark_distance_nasion_mm": 2.2,
    "leadfield_norm_median_mag_t_per_am": 2.3e-7,
}
_HEADMODEL_WITHOUT_POINTS = {
    **_HEADMODEL,
    "head_points": 0,
    "head_point_distance_median_mm": None,
    "head_point_distance_p95_mm": None,
}
_PERSONALIZE = {
    "warnings": [],
    "network": "compact",
    "generic_model": "",
    "generic_model_sha256": "0" * 64,
    "improved": True,
    "steps": 400,
    "n_test_recordings": 400,
    "gain_mm": 0.9,
    "gain_standard_error_mm": 0.2,
    "before": {
        f"{name}_mm_{which}": value
        for name in ("found_to_true", "true_to_found", "maximum_to_centre")
        for which, value in (("mean", 5.1), ("sd", 5.2), ("median", 5.8))
    },
    "after": {
        f"{name}_mm_{which}": value
        for name in ("found_to_true", "true_to_found", "maximum_to_centre")
        for which, value in (("mean", 4.2), ("sd", 4.4), ("median", 5.1))
    },
}
_CURVE = (
    "step\tsamples\ttraining_loss\tvalidation_loss\tfound_to_true_mm\ttrue_to_found_mm\t"
    "maximum_to_centre_mm\n"
    "0\t0\t0.61\t0.62\t7.2\t3.1\t8.3\n"
    "200\t12800\t0.52\t0.55\t6.5\t2.9\t7.4\n"
    "400\t25600\t0.49\t0.54\t6.2\t2.8\t7.1\n"
)
_SPIKES = {
    "warnings": [],
    "n_annotated": N_SPIKES + 2,
    "n_used": N_SPIKES,
    "n_rejected": 2,
    "rejected_by_reason": {"does not fit the average": 2},
    "snr_db": 21.4,
    "half_rise_s": -0.014,
    "snr_definition": "power of the average over that of its alternating sum",
    "mean_correlation": 0.93,
    "bad_channels": {"MEG0113": "flat: 0.01 times the usual at high frequencies"},
    "bad_stretches": [
        {"file": "sub-01_meg.fif", "start_s": 3.0, "end_s": 4.5, "reason": "saturated"}
    ],
    "artefacts": {"eyes": {"done": True, "n_events": 12, "note": "EOG channel"}},
    "projectors": [{"name": "mag-eyes", "spike_power_removed": 0.04, "kept": True}],
    "projectors_together_spike_power_removed": 0.05,
    "noise_covariance": {"duration_s": 120.0, "method": "Ledoit-Wolf shrinkage"},
}


def _add_head_points(paths: PatientPaths, n_points: int = 120) -> None:
    """Digitise landmarks and points on the scalp, with 2 mm of noise."""
    average = mne.read_evokeds(paths.average, condition=0, proj=False, verbose="error")
    scalp_mm, _ = nib.load(paths.scalp).agg_data()
    to_head = mne.transforms.invert_transform(mne.read_trans(paths.trans))
    scalp_m = mne.transforms.apply_trans(to_head, scalp_mm / 1000.0)
    rng = np.random.default_rng(0)
    upper = np.flatnonzero((scalp_m[:, 2] > 0) & ~read_face_region(paths).holds(scalp_mm))
    chosen = rng.choice(upper, n_points, replace=False)
    points_mm = scalp_mm[chosen] + rng.normal(0, 2, (n_points, 3))
    table = pd.DataFrame(points_mm, columns=list("xyz")).assign(distance_mm=1.8, used="true")
    write_text(paths.head_points, table.to_csv(sep="\t", index=False))
    montage = mne.channels.make_dig_montage(
        nasion=(0, 0.1, 0), lpa=(-0.075, 0, 0), rpa=(0.075, 0, 0), coord_frame="head"
    )
    with average.info._unlock():
        average.info["dig"] = montage.dig
    mne.write_evokeds(paths.average, average, overwrite=True, verbose="error")
