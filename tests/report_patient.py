"""A patient with results of every stage, for the tests of the report."""

from dataclasses import dataclass, replace
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from fake_patient import write_fake_patient
from fake_results import write_ieeg, write_images
from quality_files import HEADMODEL_WITHOUT_POINTS, PERSONALIZE

from pipeline import compare
from pipeline.face import read_face_region
from pipeline.files import write_text
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.headmodel_qc import write_headmodel_qc
from pipeline.records.personalize_qc import write_personalize_qc
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
    if not complete:
        write_headmodel_qc(paths, HEADMODEL_WITHOUT_POINTS)
    write_personalize_qc(paths, PERSONALIZE)
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


_CURVE = (
    "step\tsamples\ttraining_loss\tvalidation_loss\tfound_to_true_mm\ttrue_to_found_mm\t"
    "maximum_to_centre_mm\n"
    "0\t0\t0.61\t0.62\t7.2\t3.1\t8.3\n"
    "200\t12800\t0.52\t0.55\t6.5\t2.9\t7.4\n"
    "400\t25600\t0.49\t0.54\t6.2\t2.8\t7.1\n"
)


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
