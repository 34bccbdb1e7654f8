"""Places of head, landmarks and sensors that no head has: wrong units, mirrors, values that are none."""

from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from pipeline.errors import InvalidInput
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.spikes.recording import check_unit, open_recording

FILE = Path("sub-01_meg.fif")
LANDMARKS_M = {"nasion": (0, 0.1, 0), "lpa": (-0.075, 0, 0), "rpa": (0.075, 0, 0)}
DEVICE_TO_HEAD = np.array([[1, 0, 0, 0.003], [0, 1, 0, -0.004], [0, 0, 1, 0.05], [0, 0, 0, 1.0]])


def recording(n_times=3000, std=1e-13):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False)[::5])
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    points = 0.09 * points / np.linalg.norm(points, axis=1, keepdims=True) + [0, 0, 0.04]
    with info._unlock():
        info["sfreq"] = 200.0
        info["dev_head_t"] = mne.Transform("meg", "head", DEVICE_TO_HEAD)
    raw = mne.io.RawArray(
        std * rng.normal(size=(len(info.ch_names), n_times)), info, verbose="error"
    )
    montage = mne.channels.make_dig_montage(**LANDMARKS_M, hsp=points, coord_frame="head")
    return raw.set_montage(montage, verbose="error")


def change_points(raw, change, kinds=(1, 4)):
    for point in raw.info["dig"]:
        if int(point["kind"]) in kinds:
            point["r"][:] = change(point["r"])


def test_a_plausible_head_is_taken_as_it_is():
    landmarks, points_m = digitised_points_head_m(recording().info, FILE)
    np.testing.assert_allclose(landmarks["lpa"], LANDMARKS_M["lpa"], atol=1e-7)
    assert len(points_m) == 60


@pytest.mark.parametrize(
    ("change", "kinds", "told"),
    [
        (lambda r: 1000 * r, (1, 4), "150000 mm|1.5e[+]05 mm"),
        (lambda r: 0 * r, (1,), "0 mm apart"),
        (lambda r: np.nan * r, (1,), "nan mm apart"),
        (lambda r: r * [-1, 1, 1], (1, 4), "contradict its head coordinates"),
        (lambda r: r * [-1, -1, 1], (1, 4), "contradict its head coordinates"),
        (lambda r: 100 * r, (4,), "head points of the MEG recording lie"),
    ],
    ids=["mm", "origin", "no numbers", "mirrored", "backwards", "points in cm"],
)
def test_points_that_no_head_has_are_refused(change, kinds, told):
    raw = recording()
    change_points(raw, change, kinds)
    with pytest.raises(InvalidInput, match=told):
        digitised_points_head_m(raw.info, FILE)


def test_head_points_that_are_no_numbers_count_as_not_digitised():
    raw = recording()
    for point in raw.info["dig"][3:8]:
        point["r"][:] = np.nan
    _, points_m = digitised_points_head_m(raw.info, FILE)
    assert len(points_m) == 55 and np.isfinite(points_m).all()


@pytest.mark.parametrize(
    ("scale", "shift_m", "told"),
    [(1, 0.4, "out of the helmet"), (100, 0, "sensors of the MEG recording lie")],
)
def test_a_helmet_that_is_elsewhere_or_of_another_unit_is_refused(scale, shift_m, told):
    raw = recording()
    for channel in raw.info["chs"]:
        channel["loc"][:3] *= scale
    raw.info["dev_head_t"]["trans"][0, 3] += shift_m
    with pytest.raises(InvalidInput, match=told):
        digitised_points_head_m(raw.info, FILE)


@pytest.mark.parametrize(
    ("motion", "told"),
    [
        (np.diag([-1.0, 1, 1, 1]), "mirrors the head"),
        (np.diag([2.0, 2, 2, 1]), "no rigid motion"),
        (np.full((4, 4), np.nan), "no rigid motion"),
    ],
)
def test_a_head_position_that_is_no_motion_of_a_head_is_refused(motion, told, tmp_path):
    raw, file = recording(), tmp_path / FILE
    with raw.info._unlock():
        raw.info["dev_head_t"] = mne.Transform("meg", "head", motion)
    raw.save(file, verbose="error")
    with pytest.raises(InvalidInput, match=told):
        open_recording(file)


def test_sensors_without_a_direction_are_refused(tmp_path):
    raw, file = recording(), tmp_path / FILE
    raw.info["chs"][3]["loc"][9:12] = 0
    raw.save(file, verbose="error")
    with pytest.raises(InvalidInput, match="how they are turned"):
        open_recording(file)


@pytest.mark.parametrize(("std", "fits"), [(1e-13, True), (1e2, False), (1e-19, False), (0, True)])
def test_data_that_are_no_fields_in_tesla_are_refused(std, fits):
    raw = recording(std=std)
    if fits:
        check_unit(raw, FILE)
    else:
        with pytest.raises(InvalidInput, match="no head and no sensor does"):
            check_unit(raw, FILE)
