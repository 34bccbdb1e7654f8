"""Single spikes in regional montages: the right channels, the right spikes, at the right size."""

from types import SimpleNamespace

import matplotlib.image
import mne
import numpy as np
import pandas as pd
import pytest

from pipeline.modality import MODALITIES
from reports.figures.traces import REGIONS, Row, SpikeTraces, montage, per_row, sensor_regions
from reports.figures.traces import trace_sheet as drawn_sheet
from reports.patient import SingleSpikes
from reports.pictures.studio import Studio
from reports.pictures.traces import MOST_UNREVIEWED, chosen_spikes, traces
from reports.sections.traces import content

SFREQ_HZ = 500.0
MICRO = {"mag": 1e-12, "grad": 1e-11}


def _info(array: str, kind: str | bool = True) -> mne.Info:
    info = mne.channels.read_meg_canonical_info(array)
    info = mne.pick_info(info, mne.pick_types(info, meg=kind, ref_meg=False))
    with info._unlock():
        info["sfreq"] = SFREQ_HZ
        # Helmets are built leaning back by about as much against the plane through ears and nasion.
        placed = mne.transforms.translation(z=0.04) @ mne.transforms.rotation(x=np.deg2rad(-20))
        info["dev_head_t"] = mne.Transform("meg", "head", placed)
    return info


def test_regions_are_those_that_ctf_names_its_sensors_by():
    info = _info("ctf275")
    names = {"F": "frontal", "C": "central", "T": "temporal", "P": "parietal", "O": "occipital"}
    paired = [i for i, name in enumerate(info["ch_names"]) if name[1] in "LR"]
    found = np.array(sensor_regions(info))[paired]
    named = np.array([info["ch_names"][i] for i in paired])
    expected_side = np.where([name[1] == "L" for name in named], "left", "right")
    assert ([each.split(" ")[0] for each in found] == expected_side).all()
    right = [each.split(" ")[1] == names[name[2]] for each, name in zip(found, named, strict=True)]
    assert len(right) > 250 and np.mean(right) > 0.85


def test_regions_of_a_vectorview_helmet_have_the_side_and_lobe_that_its_maker_selects():
    info = _info("neuromag", "mag")
    found = dict(zip(info["ch_names"], sensor_regions(info), strict=True))
    for side in ("left", "right"):
        for lobe in ("temporal", "occipital"):
            names = mne.read_vectorview_selection(f"{side.capitalize()}-{lobe}", info=info)
            own = [found[name] for name in names if name in found]
            assert own.count(f"{side} {lobe}") > 0.7 * len(own)


def test_a_montage_shows_where_the_average_is_largest_in_each_region_and_type():
    info = _info("neuromag")
    rng = np.random.default_rng(1)
    scale = np.array([MICRO[kind] for kind in info.get_channel_types()])
    data = rng.standard_normal((len(scale), 11)) * scale[:, None]
    average = mne.EvokedArray(data, info, tmin=-5 / SFREQ_HZ)
    rows = montage(average)
    assert [row.region for row in rows] == [region for region in REGIONS for _ in range(4)]
    for region in REGIONS:
        for kind in ("mag", "grad"):
            picks = [
                i
                for i, (own, of) in enumerate(
                    zip(sensor_regions(info), info.get_channel_types(), strict=True)
                )
                if own == region and of == kind
            ]
            largest = sorted(picks, key=lambda i: -abs(data[i, 5]))[:2]
            shown = [row.channel for row in rows if row.region == region and row.kind == kind]
            assert shown == [info["ch_names"][i] for i in largest]


@pytest.mark.parametrize(("value", "step"), [(125.0, 100.0), (130.0, 200.0), (0.6, 0.5), (60, 50)])
def test_the_scale_is_a_round_number_that_the_largest_deflections_fit(value, step):
    assert per_row(np.full((3, 4), value)) == pytest.approx(step)


def test_silence_has_a_scale_too():
    assert per_row(np.zeros((2, 3))) == 1


def test_few_spikes_are_all_shown_and_many_from_the_most_to_the_least_alike():
    assert chosen_spikes(np.array([0.3, 0.9, 0.5]), 5).tolist() == [0, 1, 2]
    correlation = np.array([0.5, 0.95, 0.6, 0.7, 0.55, 0.8, 0.9, 0.65, 0.75])
    chosen = chosen_spikes(correlation, 5)
    assert chosen.tolist() == sorted(chosen)
    # Ranks 0, 2, 4, 6, 8 of 0.95 0.9 0.8 0.75 0.7 0.65 0.6 0.55 0.5.
    assert sorted(correlation[chosen]) == [0.5, 0.6, 0.7, 0.8, 0.95]


def test_a_trace_is_as_high_as_its_scale_says_and_the_mark_lies_where_it_was_set():
    rows = [Row("left frontal", "M1", "mag"), Row("left frontal", "M2", "mag")]
    times_s = np.arange(-200, 201) / SFREQ_HZ
    data = np.zeros((2, len(times_s)))
    data[0, 200] = 3e-12  # 3,000 fT: three rows of 1,000 fT
    figure = drawn_sheet([SpikeTraces("one", data, -0.04)], times_s, rows, {"mag": 1000.0})
    first, second, peak, mark = figure.axes[0].lines
    assert first.get_ydata().max() - first.get_ydata().min() == pytest.approx(3.0)
    assert first.get_xdata()[first.get_ydata().argmax()] == 0
    assert np.ptp(second.get_ydata()) == 0
    assert set(peak.get_xdata()) == {0} and set(mark.get_xdata()) == {-40.0}
    bar = figure.axes[-1].lines[0]
    low, high = figure.axes[0].get_ylim()
    row_height = figure.axes[0].get_position().height / (high - low)
    assert np.ptp(bar.get_ydata()) == pytest.approx(1.5 * row_height)
    assert "1500 fT" in [text.get_text() for text in figure.axes[-1].texts]


def _studio(tmp_path, n_unreviewed: int, n_spikes: int = 12):
    """A patient whose spike number i has the height i + 1 in every channel."""
    info = _info("ctf275")
    times_s = np.arange(-250, 251) / SFREQ_HZ
    course = np.exp(-((times_s / 0.02) ** 2)) * 1e-12
    height = 1.0 + np.arange(n_spikes)
    data = height[:, None, None] * np.ones((1, len(info["ch_names"]), 1)) * course
    events = np.column_stack([1000 * np.arange(n_spikes), np.zeros(n_spikes), np.ones(n_spikes)])
    epochs = mne.EpochsArray(data, info, events.astype(int), times_s[0], verbose="error")
    epochs.save(tmp_path / "spikes_epo.fif", verbose="error")
    stored = mne.read_epochs(tmp_path / "spikes_epo.fif", preload=False, verbose="error")
    table = pd.DataFrame(
        {
            "file": "sub-01_task-rest_run-01_meg.fif",
            "onset": 10.0 + np.arange(n_spikes + 1),
            "peak": 10.02 + np.arange(n_spikes + 1),
            "accepted": ["false"] + ["true"] * n_spikes,
            "correlation": np.linspace(0.5, 0.99, n_spikes + 1),
        }
    )
    patient = SimpleNamespace(
        modality=MODALITIES["meg"],
        single_spikes=SingleSpikes(np.ones((n_spikes, 1)), stored.times, table, stored),
        evoked=epochs.average(),
        qc=SimpleNamespace(
            spikes=SimpleNamespace(
                n_unreviewed=n_unreviewed,
                filter=SimpleNamespace(highpass_hz=1.0, lowpass_hz=40.0),
            )
        ),
    )
    paths = SimpleNamespace(figure=lambda name, ending: tmp_path / f"{name}.{ending}")
    return Studio(patient, paths, None, {"mag": "Axial gradiometers"})


def test_reviewed_marks_have_one_sheet_whose_words_say_which_spikes_it_shows(tmp_path):
    picture = traces(_studio(tmp_path, 0))
    assert len(picture.sheets) == 1 and picture.file.name == "traces.png"
    assert "5 of 12" in picture.caption and "1 task-rest_run-01" in picture.caption
    assert "filtered 1 to 40" in picture.caption
    # The rejected mark at 10 s is none of them; the first and the last accepted one are.
    assert "mark 10.00" not in picture.alt
    assert "mark 11.00" in picture.alt and "mark 22.00" in picture.alt
    assert "peak 11.02" in picture.alt
    image = matplotlib.image.imread(picture.file)
    assert (image[..., :3] < 0.5).any()


def test_unreviewed_marks_are_all_shown(tmp_path):
    studio = _studio(tmp_path, 12)
    picture = traces(studio)
    assert [sheet.file.name for sheet in picture.sheets] == [
        "traces.png",
        "traces2.png",
        "traces3.png",
    ]
    told = " ".join(sheet.alt for sheet in picture.sheets)
    assert all(f"mark {11 + i}.00" in told for i in range(12))
    assert MOST_UNREVIEWED >= 12
    assert "No person has reviewed 12" in content(studio.patient)["judge"]
    assert "No person" not in content(_studio_of(studio, 0))["judge"]


def _studio_of(studio: Studio, n_unreviewed: int):
    qc = SimpleNamespace(spikes=SimpleNamespace(n_unreviewed=n_unreviewed))
    return SimpleNamespace(qc=qc, modality=MODALITIES["meg"])


def test_each_spike_is_drawn_from_its_own_epoch(tmp_path):
    spikes = _studio(tmp_path, 0).patient.single_spikes
    names = spikes.epochs.ch_names[3:5]
    data = spikes.traces(names, np.array([0, 7]))
    assert data.shape == (2, 2, len(spikes.times_s))
    assert data.max(axis=2) / 1e-12 == pytest.approx(np.array([[1, 1], [8, 8]]), rel=1e-5)
