"""The field of deep points where the head moved."""

from types import SimpleNamespace

import mne
import numpy as np
import pytest

from pipeline.head_position import HeadPositions
from pipeline.records import deep as records
from pipeline.records import head as heads
from pipeline.records.deep import DeepSources, deep_at_positions
from pipeline.records.head import INNER_SKULL, SCALP_SHELL, Surface


def test_a_head_that_moved_has_the_mean_of_its_fields(monkeypatch):
    """At a quarter of the spikes the field is as it is, at the others twice as large."""
    deep = DeepSources(np.ones((2, 3)), np.array([0, 7]), np.full((3, 2, 3), np.nan))
    skull = Surface(np.zeros((4, 3)), np.zeros((4, 3), int))
    head = SimpleNamespace(surfaces={INNER_SKULL: skull}, trans="head to MRI")
    modality = SimpleNamespace(
        conductor=lambda pos_mm, faces, scalp_mm: "inner skull", uses_scalp=False
    )
    monkeypatch.setattr(heads, "modality_of", lambda info: modality)
    once = np.arange(18.0).reshape(3, 2, 3)

    def field(sensors, trans, conductor, pos_mri_mm):
        assert (trans, conductor) == ("head to MRI", "inner skull")
        assert pos_mri_mm is deep.pos_mri_mm
        return once * (1 + 100 * sensors["dev_head_t"]["trans"][0, 3])

    monkeypatch.setattr(records, "free_leadfield", field)
    places = np.array([np.eye(4), mne.transforms.translation(0.01, 0, 0)])
    positions = HeadPositions(places, np.array([0, 1, 1, 1]))
    moved = deep_at_positions(deep, head, mne.create_info(3, 100.0, "mag"), positions)
    assert moved.leadfield == pytest.approx(1.75 * once)
    assert moved.structure is deep.structure


def test_a_heads_conductor_is_made_once(monkeypatch):
    made = []
    modality = SimpleNamespace(
        conductor=lambda *surfaces: made.append(surfaces) or len(made), uses_scalp=False
    )
    monkeypatch.setattr(heads, "modality_of", lambda info: modality)
    one, other = (SimpleNamespace(surfaces={INNER_SKULL: Surface(n, n)}) for n in (1, 2))
    assert [heads.conductor_of(each, None) for each in (one, one, other)] == [1, 1, 2]
    assert made == [(1, 1, None), (2, 2, None)]


def test_a_conductor_of_electrodes_has_the_heads_scalp(monkeypatch):
    modality = SimpleNamespace(conductor=lambda *surfaces: surfaces, uses_scalp=True)
    monkeypatch.setattr(heads, "modality_of", lambda info: modality)
    skull, scalp = Surface("skull", "faces"), Surface("scalp", "other faces")
    found = {SCALP_SHELL: scalp}
    head = SimpleNamespace(surfaces={INNER_SKULL: skull}, surface=found.get)
    assert heads.conductor_of(head, None) == ("skull", "faces", "scalp")
