"""Electrodes that hear."""

from dataclasses import replace

import mne

from pipeline.modality.meg import MODALITY as MEG


def sensor_picks(info):
    return mne.pick_types(info, meg=False, misc=True, exclude=())


MODALITY = replace(
    MEG,
    types={"misc": replace(MEG.types["mag"], label="Ears", shown_unit="sone")},
    plausible_leadfield=(1.0, 1e3),
    sensor_picks=sensor_picks,
)
