"""Where the source's centre lies with a stated probability, in a sentence."""

import numpy as np

from reports.deep import better_structure, found_of
from reports.patient import Patient
from reports.wording import coordinates, number


def region_sentence(patient: Patient) -> str:
    """Where the source's centre lies with a stated probability, or why that is not known."""
    found = patient.image.methods[patient.finding_method].region
    if not patient.modality.calibrated:
        return (
            "How far the source may lie from here is not assessable: the region that holds it was "
            f"calibrated on MEG and not on {patient.modality.label}."
        )
    if (structure := better_structure(found_of(patient))) is not None:
        return (
            f"How far the source may lie from here is not assessable: a source in the {structure} explains "
            "the spike better than cortex, and the region was calibrated with sources in cortex alone."
        )
    if found is None:
        return (
            "How far the source may lie from here is not assessable: spikes were not resampled, or "
            "the region is not calibrated for this network’s weights."
        )
    return (
        f"The source’s centre lies within {number(found.radius_mm, 'mm', 0)} of "
        f"{coordinates(np.array(found.centre_mri_mm))} in {100 * found.coverage:.0f}\u00a0% of "
        f"such spikes: {number(found.volume_cm3, 'cm³', 1)} of cortex. Calibrated on simulated "
        f"patients ({found.calibration_spikes} spikes of {found.calibration_heads} heads), and right "
        f"in {100 * found.test_coverage:.0f}\u00a0% of {found.test_spikes} spikes of "
        f"{found.test_heads} other heads."
    )
