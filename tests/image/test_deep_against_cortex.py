"""Deep structures against cortex where the answer is known by construction."""

from dataclasses import replace
from types import SimpleNamespace

import mne
import numpy as np
import pytest

from pipeline.image.deep import (
    Rule,
    Stratum,
    assess,
    compare,
    cortical_patches,
    dipole_bases,
    load_rule,
    moment_am,
    patch_fields,
)
from pipeline.records.deep_qc import ALIKE, BETTER, WORSE, DeepQC
from pipeline.template.deep import DEEP_NAMES

N_WHITE, N_REGIONS = 60, 12
CHAIN = np.eye(N_REGIONS, k=1, dtype=bool) | np.eye(N_REGIONS, k=-1, dtype=bool)
COURSE = np.array([0.5, 1.0, 0.6])


@pytest.fixture(scope="module")
def gains():
    """Fields of two points in each of three structures, and of a chain of regions."""
    rng = np.random.default_rng(5)
    return rng.normal(size=(N_WHITE, 6, 3)), rng.normal(size=(N_WHITE, N_REGIONS))


def fitted(gains, data):
    patches, centre = cortical_patches(CHAIN)
    structure = np.repeat([0, 1, 7], 2)
    bases = dipole_bases(gains[0])
    return compare(data, bases, structure, patch_fields(gains[1], patches), centre)


def test_a_dipole_of_any_direction_is_explained_whole_where_it_is(gains):
    for moment in np.eye(3):
        fit = fitted(gains, np.outer(gains[0][:, 3] @ moment, COURSE))
        assert fit.structures["left amygdala"] == (pytest.approx(1), 3)
        assert fit.ranked[0] == "left amygdala" and set(fit.ranked) == {
            DEEP_NAMES[index] for index in (0, 1, 7)
        }
        assert fit.patch_share < 0.5 and fit.structures["left hippocampus"][0] < 0.5


def test_a_direction_that_turns_is_still_one_dipole(gains):
    turning = gains[0][:, 5] @ np.random.default_rng(1).normal(size=(3, 3))
    assert fitted(gains, turning).structures["right hippocampus"][0] == pytest.approx(1)


def test_a_patch_is_explained_by_cortex_and_named_by_its_centre(gains):
    fit = fitted(gains, np.outer(gains[1][:, 4:7].sum(1), -COURSE))
    assert fit.patch_share == pytest.approx(1, abs=1e-5) and fit.patch_centre == 5
    assert max(share for share, _ in fit.structures.values()) < 0.5


def test_shares_are_of_the_power_over_the_window(gains):
    field = gains[0][:, 3] @ [1.0, 0, 0]
    basis = dipole_bases(gains[0])[3]
    other = np.random.default_rng(2).normal(size=N_WHITE)
    other -= basis @ (basis.T @ other)
    other *= np.linalg.norm(field) / np.linalg.norm(other)
    fit = fitted(gains, np.column_stack([2 * field, other]))
    assert fit.structures["left amygdala"][0] == pytest.approx(4 / 5)


def test_patches_are_regions_rings_and_pairs():
    patches, centre = cortical_patches(CHAIN)
    own = {tuple(np.flatnonzero(patch)) for patch in patches[centre == 5]}
    assert own == {(5,), (4, 5, 6), (3, 4, 5, 6, 7), (2, 3, 4, 5, 6, 7, 8), (5, 6)}


def test_a_moment_is_told_without_the_direction_that_is_nearly_silent():
    gain = np.zeros((N_WHITE, 3))
    gain[0, 0], gain[1, 1], gain[2, 2] = 2e8, 1e8, 1e5
    assert moment_am(gain, gain @ [3e-8, 4e-8, 0]) == pytest.approx(5e-8)
    assert moment_am(gain, gain @ [3e-8, 4e-8, 0] + np.eye(N_WHITE)[2]) == pytest.approx(5e-8)


def test_verdicts_change_at_the_borders():
    rule = replace(
        load_rule(),
        better_percent={"template": 6.0, "freesurfer": 4.0},
        worse_percent={"template": -2.0, "freesurfer": -3.0},
    )
    told = [rule.verdict("template", x) for x in (6.0, 5.9, -2.0, -2.1)]
    assert told == [BETTER, ALIKE, ALIKE, WORSE]
    assert rule.verdict("freesurfer", 5.9) == BETTER


def test_rates_are_of_the_head_model_and_the_nearest_snr():
    strata = tuple(
        Stratum(head_model=path, snr_db=snr_db, rates=())
        for path in ("template", "freesurfer")
        for snr_db in ((3.0, 8.0), (8.0, 16.0))
    )
    rule = replace(load_rule(), strata=strata)
    for snr_db, expected in (
        (1, (3.0, 8.0)),
        (7.9, (3.0, 8.0)),
        (9, (8.0, 16.0)),
        (25, (8.0, 16.0)),
    ):
        for path in ("template", "freesurfer"):
            found = rule.stratum(path, snr_db)
            assert found.head_model == path and found.snr_db == expected


def test_the_table_that_ships_is_whole_and_says_what_was_measured():
    rule: Rule = load_rule()
    for path in ("template", "freesurfer"):
        assert rule.worse_percent[path] < rule.better_percent[path]
        for snr_db in (5, 12):
            rates = rule.stratum(path, snr_db).rates
            assert {"hippocampus", "parahippocampal gyrus"} <= {rate.place for rate in rates}
            for rate in rates:
                assert rate.n > 0
                assert rate.better + rate.alike + rate.worse == pytest.approx(1, abs=0.002)


def test_on_eeg_nothing_is_told_since_nothing_was_measured():
    info = mne.create_info(64, 500.0, "eeg")
    for channel in info["chs"]:
        channel["loc"][:3] = 0.1
    found = assess(SimpleNamespace(model=SimpleNamespace(info=info)), None)
    assert found == DeepQC(reason="how well it can be told was measured on MEG and not on EEG")
