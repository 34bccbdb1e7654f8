"""Which mark is of which type, what is told of each, and why one is not imaged."""

from types import SimpleNamespace

import mne
import numpy as np
import pytest

from pipeline.records.spikes_qc import PresenceQC, SpikeTypeQC
from pipeline.spikes import type_choice
from pipeline.spikes.averages import Marks
from pipeline.spikes.config import Config
from pipeline.spikes.type_choice import (
    describe_types,
    doubts_of_each,
    doubts_of_types,
    marks_of_spikes,
    reason_not_to_image,
    sort_marks,
)

SFREQ_HZ = 250.0


def test_marks_within_a_spikes_length_are_marks_of_one_spike():
    mark = np.array([500, 100, 160, 230, 1000, 430])
    assert marks_of_spikes(mark, 100).tolist() == [1, 0, 0, 0, 2, 1]


def kind(number: int, n_marks: int, side: str, **rest) -> SpikeTypeQC:
    told = {"labels": {"spike": n_marks}, "imaged": True, "reason": None} | rest
    return SpikeTypeQC(
        number=number,
        n_marks=n_marks,
        n_used=n_marks,
        share_of_marks=n_marks / 80,
        per_minute=1.0,
        strongest_on=side,
        snr_db=12.0,
        **told,
    )


def test_types_are_told_with_counts_and_sides_and_pooling_them_is_grave():
    both = kind(1, 48, "right"), kind(2, 32, "left")
    assert doubts_of_types(both[:1], pooled=False) == ()
    (doubt,) = doubts_of_types(both, pooled=False)
    assert not doubt.grave
    assert "type 1 (48 marks, 60%, strongest over the right side)" in doubt.text
    assert "type 2 (32 marks, 40%, strongest over the left side)" in doubt.text
    (doubt,) = doubts_of_types(both, pooled=True)
    assert doubt.grave and "averaged into one as pool_types asks" in doubt.text


def test_a_type_without_image_is_told_with_its_reason():
    few = kind(2, 4, "left", imaged=False, reason="4 of 4 fit their own average, and 5 are needed")
    (doubt,) = doubts_of_each((kind(1, 48, "right"), few))
    assert doubt.text.endswith("Type 2 of the marked spikes is not imaged: " + few.reason)
    assert doubts_of_each((few,)) == ()  # the report's first page says it whole


def test_labels_that_name_different_things_are_not_averaged_in_silence():
    same = kind(1, 48, "right", labels={"spike left": 40, "Spike_Left": 8})
    different = kind(1, 48, "right", labels={"spike A": 40, "spike B": 8})
    assert doubts_of_each((same,)) == ()
    (doubt,) = doubts_of_each((different,))
    assert "2 different labels" in doubt.text and "spike A" not in doubt.text


def marks_at(sample, segments, label=None) -> Marks:
    n = len(sample)
    return Marks(
        segments,
        np.empty((n, 0, segments.shape[2])),
        np.full(n, 5),
        np.array(sample),
        label or ("spike",) * n,
    )


def test_a_spikes_marks_are_sorted_by_the_largest_of_them(monkeypatch):
    """Marks of one spike from its flank count once, and their type is the spike's."""
    segments = np.zeros((4, 2, 251))
    # Height where it is looked for, at most 5 samples off the mark; beyond it nothing counts.
    for row, (place, height) in enumerate([(125, 1.0), (130, 3.0), (120, 2.0), (131, 9.0)]):
        segments[row, 0, place] = height
    looked_at = {}

    def types(white, baseline, max_shift, half_width, sfreq_hz):
        looked_at.update(white=white, baseline=baseline, reach=(half_width, sfreq_hz))
        return np.array([2, 1])

    monkeypatch.setattr(type_choice, "spike_types", types)
    # 0.2 s are 50 samples: the first two are 20 apart, the last two 49.
    marks = marks_at([1000, 1020, 2000, 2049], segments)
    baseline = np.arange(250)[:, None, None] * np.ones((1, 2, 300))
    found = sort_marks(marks, baseline, np.diag([2.0, 2.0]), SFREQ_HZ, Config())
    assert found.tolist() == [2, 2, 1, 1]
    # Whitened; the mark stays in the middle, with 25 + 5 + 6 + 1 samples to either side.
    assert looked_at["white"].shape == (2, 2, 2 * 37 + 1) and looked_at["reach"] == (25, SFREQ_HZ)
    assert looked_at["white"][0, 0, 37 + 5] == 6 and looked_at["white"][1, 0, 37 - 5] == 4
    # Every second of 250 windows: at least 100 of them.
    assert looked_at["baseline"][:, 0, 0].tolist() == list(range(0, 500, 4))
    nothing = marks_at([], segments[:0])
    assert sort_marks(nothing, baseline, np.eye(2), SFREQ_HZ, Config()).shape == (0,)


def test_the_window_of_types_fits_into_short_segments(monkeypatch):
    widths = []
    monkeypatch.setattr(
        type_choice,
        "spike_types",
        lambda white, *rest: widths.append((white.shape[2], rest[2])) or np.ones(1, int),
    )
    sort_marks(
        marks_at([9], np.ones((1, 2, 61))), np.ones((3, 2, 300)), np.eye(2), SFREQ_HZ, Config()
    )
    # 30 samples to either side, 12 of them for shift and lag.
    assert widths == [(61, 18)]


def test_types_are_described_by_count_rate_labels_and_side():
    info = mne.create_info(4, SFREQ_HZ, "mag")
    for channel, x_m in zip(info["chs"], (-0.05, -0.06, 0.05, 0.06), strict=True):
        channel["loc"][:3] = x_m, 0, 0
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    rng = np.random.default_rng(0)
    segments, baseline = rng.normal(size=(6, 4, 251)), rng.normal(size=(20, 4, 251))
    types = np.array([1, 1, 2, 1, 2, 1])
    segments[types == 1, 2:, 110:140] += 5
    segments[types == 2, :2, 110:140] += 5
    marks = marks_at(range(6), segments, ("a", "b", "c", "a", "c", "a"))
    first, second = describe_types(types, marks, baseline, info, 8.0, Config())
    assert (first.number, first.n_marks, first.share_of_marks) == (1, 4, 0.6667)
    assert (first.per_minute, first.labels, first.strongest_on) == (0.5, {"a": 3, "b": 1}, "right")
    assert (second.number, second.n_marks, second.share_of_marks) == (2, 2, 0.3333)
    assert (second.per_minute, second.labels, second.strongest_on) == (0.25, {"c": 2}, "left")
    assert first.n_used == 0 and first.snr_db is None and not first.imaged


@pytest.mark.parametrize(
    ("n_used", "snr_db", "presence", "reason"),
    [
        (4, 20.0, None, "4 of 9 fit their own average, and 5 are needed"),
        (5, 2.9, None, "does not stand out of its noise (SNR 2.9 dB, and 3 dB are needed)"),
        (5, 3.0, None, None),
        (5, 3.0, PresenceQC(snr_db=8.0, chance_db=4.0, p=0.02, n_draws=49), None),
        (
            5,
            3.0,
            PresenceQC(snr_db=3.0, chance_db=4.1, p=0.5, n_draws=1),
            "epochs reaches 4.1 dB, that of the marks 3.0 dB",
        ),
        (5, 3.0, PresenceQC(snr_db=None, chance_db=None, p=1.0, n_draws=1), "hardly resemble"),
    ],
)
def test_a_type_is_imaged_or_says_why_not(n_used, snr_db, presence, reason):
    average = SimpleNamespace(
        n_used=n_used, n_marks=9, quality=SimpleNamespace(snr_db=snr_db), presence=presence
    )
    told = reason_not_to_image(average, Config())
    assert told is None if reason is None else reason in told


def test_the_power_of_a_mark_is_the_largest_within_its_reach():
    white = np.zeros((3, 2, 21))
    white[:, 0, 10] = 1
    white[:, :, 14] = 2
    white[:, 0, 4] = 3
    power = type_choice._peak_power(white, np.array([3, 4, 6]))
    assert power.tolist() == [1, 8, 9]


def test_the_side_is_told_in_head_coordinates_by_the_configured_window(monkeypatch):
    """A tenth of a second to either side; a helmet that is turned about has right on its left."""
    seen = []
    monkeypatch.setattr(type_choice, "strongest_side", lambda *given: seen.append(given) or "left")
    info = mne.create_info(2, SFREQ_HZ, "mag")
    info["chs"][0]["loc"][:3] = 0.05, 0.01, 0
    info["chs"][1]["loc"][:3] = -0.07, 0, 0.02
    with info._unlock():
        turn = mne.transforms.rotation(0, 0, np.pi)
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", turn)
    marks = marks_at([1, 2], np.zeros((2, 2, 251)))
    describe_types(np.ones(2, int), marks, "baseline", info, 1.0, Config())
    ((_, baseline, half_width, right_mm),) = seen
    assert baseline == "baseline" and half_width == 25
    assert right_mm == pytest.approx([-50, 70])


def test_two_labels_that_differ_by_case_and_signs_are_one():
    assert type_choice._plain(" Spike_Left-1 ") == "spike left 1"
