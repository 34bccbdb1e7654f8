"""The potential on a scalp: against the analytic solution of a sphere, and what shells there are."""

import mne
import numpy as np
import pytest

from pipeline.leadfield import icosphere, vertex_leadfield
from pipeline.modality import MODALITIES
from pipeline.modality.eeg import CONDUCTIVITY_S_PER_M
from pipeline.shells import smooth_scalp, three_shells

INNER_MM, SCALP_MM = 78.0, 90.0


@pytest.fixture(scope="module")
def sphere_shells():
    directions, faces = icosphere(642)
    return INNER_MM * directions, faces, SCALP_MM * icosphere(2562)[0]


def test_a_sphere_gives_the_analytic_potential(sphere_shells):
    """Relative difference and magnitude 8 mm and more below the skull, electrodes over the upper half."""
    eeg, rng = MODALITIES["eeg"], np.random.default_rng(0)
    places = SCALP_MM / 1000 * icosphere(642)[0]
    places = places[places[:, 2] > -0.02][::6]
    info = mne.create_info(len(places), 500.0, "eeg")
    for channel, place in zip(info["chs"], places, strict=True):
        channel["loc"][:], channel["loc"][:3] = 0, place
    analytic = mne.make_sphere_model(
        (0.0, 0.0, 0.0),
        SCALP_MM / 1000,
        relative_radii=(INNER_MM / SCALP_MM, 84 / SCALP_MM, 1.0),
        sigmas=CONDUCTIVITY_S_PER_M,
        verbose="error",
    )
    direction, normal = rng.normal(size=(2, 60, 3))
    pos_mm = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    pos_mm *= rng.uniform(30, 70, 60)[:, None]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    trans = mne.transforms.Transform("head", "mri")
    fields = [
        vertex_leadfield(info, trans, conductor, pos_mm, normal)
        for conductor in (eeg.conductor(*sphere_shells), analytic)
    ]
    found, true = (field / np.linalg.norm(field, axis=0) for field in fields)
    size = np.linalg.norm(fields[0], axis=0) / np.linalg.norm(fields[1], axis=0)
    difference = np.linalg.norm(found - true, axis=0)
    assert np.median(difference) < 0.05 and difference.max() < 0.15
    assert 0.88 < np.median(size) < 1.05
    assert np.abs(fields[0].mean(0)).max() < 1e-7 * np.abs(fields[0]).max(), "average reference"
    low, high = eeg.plausible_leadfield
    assert low < 20 * np.median(np.abs(fields[1]).max(0)) < high


def test_bone_takes_half_of_the_way_within_its_limits(sphere_shells):
    radii = [np.linalg.norm(pos_mm, axis=1) for pos_mm, _ in three_shells(*sphere_shells)]
    assert [radius.mean() for radius in radii] == pytest.approx([78, 84, 90], abs=0.2)
    inner, faces, scalp = sphere_shells
    far = three_shells(inner, faces, scalp * 120 / SCALP_MM)
    assert np.linalg.norm(far[1][0], axis=1) == pytest.approx(87, abs=0.2)
    near = three_shells(inner, faces, scalp * 79 / SCALP_MM)
    assert np.linalg.norm(near[1][0], axis=1) == pytest.approx(81, abs=0.2)
    assert np.linalg.norm(near[2][0], axis=1) == pytest.approx(83.5, abs=0.2)


def test_a_smooth_scalp_has_no_nose(sphere_shells):
    inner, _, scalp = sphere_shells
    nose = scalp.copy()
    towards = np.array([0.0, 1.0, 0.0])
    at = scalp / SCALP_MM @ towards > np.cos(np.deg2rad(5))
    nose[at] *= 1.25
    smooth = smooth_scalp(inner, nose)
    assert at.sum() > 3 and smooth.shape == (642, 3)
    assert np.linalg.norm(smooth, axis=1) == pytest.approx(SCALP_MM, abs=1.5)
