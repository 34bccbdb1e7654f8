"""Gradient compensation: channels from which a weighted sum of reference channels was taken."""

import mne

from pipeline.errors import InvalidInput
from pipeline.modality import sensor_picks


def compensation_grade(info: mne.Info) -> int:
    """Order of the software gradiometer (CTF, 4D) that was applied to the MEG channels; 0: none."""
    picks = sensor_picks(info)
    # FIFF keeps it in the upper half of the coil's type.
    return max((int(info["chs"][pick]["coil_type"]) >> 16 for pick in picks), default=0)


def check_references(info: mne.Info, file=None) -> None:
    """Refuse compensated channels without the reference channels they were compensated with.

    mne would compute the field of the primary sensors alone, without a word.

    Raises
    ------
    InvalidInput
        A field that is computed with `info` would not be what the channels measured.
    """
    grade = compensation_grade(info)
    if not grade:
        return
    used = [comp["data"] for comp in info["comps"] if comp["kind"] == grade]
    missing = set(used[0]["col_names"]) - set(info["ch_names"]) if used else ()
    if not used or missing:
        raise InvalidInput(
            f"the recording is compensated (grade {grade}) and lacks "
            + (f"{len(missing)} reference channels" if used else "the coefficients")
            + ", so that no source's field can be computed",
            file=file,
            hint="give the recording with its reference channels, or undo the compensation first",
        )
