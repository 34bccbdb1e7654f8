"""The spikes stage's parts on small arrays."""

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from scipy.signal import butter, sosfiltfilt

from pipeline.errors import InvalidInput
from pipeline.fif import check_complete, scrub_ids
from pipeline.progress import Progress
from pipeline.spikes.artefacts import eye_movements, keep_sparing, removed_power, removed_together
from pipeline.spikes.channels import find_bad_stretches, robust_z, unexplained_variance
from pipeline.spikes.config import SPIKE_NAMES, Config
from pipeline.spikes.events import name_pattern, read_events
from pipeline.spikes.filtering import WindowStats, load_filtered
from pipeline.spikes.marks import read_channels_tsv
from pipeline.spikes.noise import average_quality, baseline_starts
from pipeline.spikes.recording import open_recording
from pipeline.spikes.selection import cut, match, select_spikes


@pytest.mark.parametrize(
    "name",
    [
        "spike",
        "Spikes",
        "SPIKE-L",
        "spike_left",
        "Spike1",
        "IED",
        "IEDs",
        "sharp wave",
        "sharp_wave",
        "Sharp-Waves",
        "polyspike",
        "left spike",
        "Epileptiform-interictal-activity/Spike",
    ],
)
def test_names_of_spikes_are_found(name):
    assert name_pattern(SPIKE_NAMES).search(name)


@pytest.mark.parametrize(
    "name", ["verified", "carried", "spiked", "eyes open", "sharpen", "", "seizure"]
)
def test_other_names_are_not(name):
    assert not name_pattern(SPIKE_NAMES).search(name)


def test_a_numbered_name_does_not_match_longer_numbers():
    pattern = name_pattern(("ev1",))
    assert pattern.search("ev1") and not pattern.search("ev12")


def test_events_are_read_from_any_of_the_columns(tmp_path):
    file = tmp_path / "events.tsv"
    file.write_text(
        "\ufeffonset\tduration\ttrial_type\tvalue\tHED\n"
        "5.0\t0\tspike\t1\tn/a\n"
        "3.0\t0.1\tn/a\t2\tEpileptiform-interictal\n"
        "n/a\t0\tspike\t1\tn/a\n"
        "7.0\t2.0\tBAD_jump\t0\tn/a\n"
        "9.0\t0\teyes\t0\tn/a\n",
        encoding="utf-8",
    )
    table = read_events(file, SPIKE_NAMES)
    assert table.onset_s.tolist() == [3.0, 5.0]
    assert table.duration_s.tolist() == [0.1, 0.0]
    assert table.bad_s.tolist() == [[7.0, 9.0]]
    assert table.n_without_onset == 1


@pytest.mark.parametrize(
    "content", [b"duration\ttrial_type\n0\tspike\n", b"", b"\xff\xfe\x00onset\n"]
)
def test_events_that_are_no_table_are_refused(tmp_path, content):
    file = tmp_path / "events.tsv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as raised:
        read_events(file, SPIKE_NAMES)
    assert raised.value.file == file


def test_channels_marked_bad_come_with_their_description(tmp_path):
    file = tmp_path / "channels.tsv"
    file.write_text(
        "name\ttype\tstatus\tstatus_description\nA\tMEGMAG\tbad\tnoisy\nB\tVEOG\tgood\tn/a\n"
    )
    bad, types = read_channels_tsv(file, [])
    assert bad == {"A": "noisy"}
    assert types["B"] == "VEOG"


@pytest.mark.parametrize("sfreq", [1000.0, 1200.0, 678.17])
def test_filtering_in_chunks_equals_filtering_the_whole(tmp_path, sfreq):
    rng = np.random.default_rng(0)
    n = int(65 * sfreq)
    times = np.arange(n) / sfreq
    data = rng.normal(size=(40, n)) * 1e-13
    data[0] += 1e-12 * np.sin(2 * np.pi * 11 * times) + 1e-11 * np.sin(2 * np.pi * 60 * times)
    raw = mne.io.RawArray(data, mne.create_info(40, sfreq, "mag"), verbose="error")
    with mne.use_log_level("error"):
        got, stats = load_filtered(raw, tmp_path, (1.0, 40.0), 500.0, Progress())
        want = raw.copy().filter(1, 40, pad="reflect_limited").resample(500)
    assert got.info["sfreq"] == 500 and abs(got.n_times - want.n_times) <= 1
    inside = slice(1000, want.n_times - 1000)
    assert np.allclose(got.get_data()[:, inside], want.get_data()[:, inside], atol=2e-15)
    spectrum = np.abs(np.fft.rfft(got.get_data()[0, inside]))
    freqs = np.fft.rfftfreq(want.n_times - 2000, 1 / 500)
    assert abs(freqs[spectrum.argmax()] - 11) < 0.1  # ten times the line noise is gone
    assert stats.in_band_std.shape == (40, 130)
    assert stats.window_s == pytest.approx(0.5, abs=1e-3)


def _spikes(rng, n=30, n_channels=40, n_times=401, height=2.5):
    t = np.arange(n_times) - n_times // 2
    topography = rng.normal(size=n_channels)
    band = butter(2, (1, 40), "bandpass", fs=500, output="sos")

    def noise(count):
        white = rng.normal(size=(count, n_channels, n_times + 1000))
        return sosfiltfilt(band, white)[..., 500 : 500 + n_times] / 0.4

    jitter = rng.integers(-15, 16, n)
    course = np.exp(-(((t - jitter[:, np.newaxis]) / 10) ** 2))
    clean = height * topography[:, np.newaxis] * course[:, np.newaxis]
    return clean + noise(n), noise(40)[:, :, :301], jitter


def test_spikes_are_aligned_to_their_true_peaks():
    segments, baseline, jitter = _spikes(np.random.default_rng(1))
    found = select_spikes(segments, baseline, np.full(30, 25), 50, 0.5, (0.3, 3.0))
    assert found.accepted.all()
    assert np.abs(found.shift - jitter).max() <= 2


def test_what_is_no_spike_is_rejected_with_its_reason():
    rng = np.random.default_rng(2)
    segments, baseline, _ = _spikes(rng)
    segments[3] = baseline[0, :, :1] + rng.normal(size=segments[3].shape)
    segments[8] *= 6
    segments[12] *= 0.15
    segments[20] = -segments[20]
    found = select_spikes(segments, baseline, np.full(30, 25), 50, 0.5, (0.3, 3.0))
    assert not found.accepted[[3, 8, 12, 20]].any()
    assert found.accepted.sum() == 26
    assert "too large" in found.reasons[8]
    assert "too small" in found.reasons[12]
    assert "resemble" in found.reasons[3] and "resemble" in found.reasons[20]


def test_an_average_of_noise_has_a_lower_snr_than_one_of_weak_spikes():
    rng = np.random.default_rng(3)
    snr_db = {}
    for height in (0.0, 0.35):
        segments, baseline, _ = _spikes(rng, n=40, n_channels=200, height=height)
        found = select_spikes(segments, baseline, np.full(40, 25), 50, 0.5, (0.4, 3.0))
        chosen = cut(segments, 200 + found.shift - 150, 301)[found.accepted]
        snr_db[height] = average_quality(np.pad(chosen, ((0, 0), (0, 0), (100, 100))), 500.0, 250)
    limit = Config().min_snr_db
    assert snr_db[0.0].snr_db < limit < snr_db[0.35].snr_db - 2


def test_weak_spikes_are_told_from_noise_by_a_template_that_is_not_fitted_to_the_noise():
    rng = np.random.default_rng(4)
    clean, baseline, _ = _spikes(rng, n=40, n_channels=200, height=0.35)
    noise = _spikes(rng, n=10, n_channels=200, height=0.0)[0]
    segments = np.concatenate([noise, clean])
    found = select_spikes(segments, baseline, np.full(50, 25), 50, 0.5, (0.4, 3.0))
    assert found.accepted[:10].sum() <= 1
    assert found.accepted[10:].sum() >= 36


def test_match_finds_shift_and_amplitude():
    template = np.random.default_rng(0).normal(size=(2, 21))
    segment = np.zeros((2, 101))
    segment[:, 47:68] = 1.5 * template
    shift, correlation, amplitude = match(segment, template, 50, 20)
    assert shift == 7
    assert correlation == pytest.approx(1)
    assert amplitude == pytest.approx(1.5)


def test_cut_takes_each_segment_from_its_own_start():
    segments = np.arange(20.0).reshape(2, 1, 10)
    assert cut(segments, np.array([1, 4]), 3)[:, 0].tolist() == [[1, 2, 3], [14, 15, 16]]


def test_baseline_avoids_what_is_busy():
    starts = baseline_starts(10_000, 500.0, np.array([[3.0, 4.2], [10.0, 10.5]]), 100)
    spans = np.array([starts, starts + 500]).T / 500
    assert all((b <= 3 or a >= 4.2) and (b <= 10 or a >= 10.5) for a, b in spans)
    assert len(spans) == 3 + 5 + 9
    assert len(baseline_starts(10_000, 500.0, np.empty((0, 2)), 7)) == 7


def test_unexplained_variance_of_a_lonely_channel_is_one():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(3, 5000))
    data = rng.normal(size=(12, 3)) @ shared + 0.1 * rng.normal(size=(12, 5000))
    data[4] = rng.normal(size=5000)
    alone = unexplained_variance(np.corrcoef(data))
    assert alone[4] > 0.95
    assert np.delete(alone, 4).max() < 0.3


def test_robust_z_ignores_the_outlier_it_measures():
    values = np.append(np.random.default_rng(0).normal(size=100), 50.0)
    assert robust_z(values)[-1] > 30
    assert np.abs(robust_z(values)[:-1]).max() < 5


def test_a_clipped_and_a_dead_moment_become_stretches():
    shape = (3, 20)
    stats = WindowStats(
        stuck=np.zeros(shape),
        level=np.full(shape, 1e-12),
        in_band_std=np.full(shape, 1e-13),
        in_band_ptp=np.full(shape, 6e-13),
        fast_std=np.full(shape, 1e-14),
        window_s=0.5,
    )
    stats.stuck[0, 4:6], stats.level[0, 4:6] = 0.5, 5e-11
    stats.stuck[1, 10] = 1.0
    stats.in_band_ptp[2, 15] = 5e-11
    types = np.array(["mag"] * 3)
    found = find_bad_stretches(stats, types, np.ones(3, bool))
    assert found == [(2, 3, "saturated"), (5, 5.5, "flat"), (7.5, 8, "beyond brain and eyes")]
    assert find_bad_stretches(stats, types, np.zeros(3, bool)) == []


def _projector(info, vector):
    data = {
        "nrow": 1,
        "ncol": len(vector),
        "row_names": None,
        "col_names": info.ch_names,
        "data": vector[np.newaxis] / np.linalg.norm(vector),
    }
    return mne.Projection(active=False, data=data, desc="test", kind=1)


def test_a_projector_like_the_spike_is_dropped():
    info = mne.create_info(10, 500.0, "mag")
    spike = np.zeros(10)
    spike[:2] = 1
    other, same = np.zeros(10), np.zeros(10)
    other[5], same[:2] = 1, (1, 0.8)
    kept, report = keep_sparing([_projector(info, other), _projector(info, same)], spike, info, 0.3)
    assert len(kept) == 1 and kept[0]["data"]["data"][0, 5] == 1
    assert [entry.kept for entry in report] == [True, False]
    assert removed_power([_projector(info, same)], spike, info) == pytest.approx(1.8**2 / 1.64 / 2)
    # Neither takes much alone, but their plane holds the spike.
    a, b = np.zeros(10), np.zeros(10)
    a[[0, 5]], b[[1, 5]] = (0.5, 1), (0.5, 1)
    pair = [_projector(info, a), _projector(info, b)]
    lone = np.zeros(10)
    lone[[0, 1]] = 1, -1
    assert max(removed_power([p], lone, info) for p in pair) < 0.3
    kept, report = keep_sparing(pair, lone, info, 0.3)
    assert len(kept) == 1
    assert max(entry.spike_power_removed_with_kept for entry in report) == pytest.approx(1)
    both = [_projector(info, other), _projector(info, same)]
    assert removed_together(both, spike, info) == {
        "mag": pytest.approx(1.8**2 / 1.64 / 2, abs=1e-4)
    }


@pytest.mark.parametrize("polarity", [1, -1])
def test_eye_movements_are_found_without_the_lobes_beside_them(polarity):
    rng = np.random.default_rng(0)
    t = np.arange(40_000) / 500
    blinks = np.arange(5, 75, 7.0)
    course = sum(3e-4 * np.exp(-(((t - blink) / 0.1) ** 2)) for blink in blinks)
    eog = mne.filter.filter_data(
        course + rng.normal(size=t.size) * 1e-5, 500, 1, 10, verbose="error"
    )
    samples, _ = eye_movements(polarity * eog, 500.0)
    assert np.allclose(samples / 500, blinks, atol=0.03)


def test_snr_and_rise_of_a_known_average():
    rng = np.random.default_rng(0)
    t = (np.arange(501) - 250) / 500
    spikes = rng.normal(size=(40, 30, 501)) + 2 * np.exp(-((t / 0.03) ** 2))
    quality = average_quality(spikes, 500.0, 250)
    true_db = 10 * np.log10(1 + 40 * 4 * np.mean(np.exp(-2 * (t[240:261] / 0.03) ** 2)))
    assert quality.snr_db == pytest.approx(true_db, abs=1)
    assert quality.snr_over_baseline_db == pytest.approx(true_db, abs=1)
    assert quality.half_rise_s == pytest.approx(-0.03 * np.sqrt(np.log(2)), abs=0.004)


def test_scrubbed_files_name_no_machine(tmp_path, monkeypatch):
    import mne._fiff.write as writer

    contents = []
    for machine in (1, 2):
        monkeypatch.setattr(writer, "get_machid", lambda m=machine: np.array([m, m], np.int32))
        file = tmp_path / f"{machine}-cov.fif"
        mne.make_ad_hoc_cov(mne.create_info(3, 100.0, "mag")).save(file, verbose="error")
        contents.append(file.read_bytes())
        scrub_ids(file)
        contents.append(file.read_bytes())
        assert mne.read_cov(file, verbose="error").data.shape == (3,)
    assert contents[0] != contents[2]
    assert contents[1] == contents[3]


def test_every_truncation_of_a_fif_is_noticed(tmp_path):
    whole = tmp_path / "whole_raw.fif"
    info = mne.create_info(5, 100.0, "mag")
    mne.io.RawArray(np.ones((5, 3000)) * 1e-12, info, verbose="error").save(whole, verbose="error")
    check_complete(whole)
    content = whole.read_bytes()
    cut_file = tmp_path / "cut_raw.fif"
    for length in np.linspace(0, len(content) - 60, 60).astype(int):
        cut_file.write_bytes(content[:length])
        with pytest.raises(InvalidInput):
            check_complete(cut_file)


def test_a_corrupt_header_is_never_another_error(tmp_path):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"], info["lowpass"] = 200.0, 100.0
    whole = tmp_path / "whole_raw.fif"
    mne.io.RawArray(np.zeros((306, 2400)), info, verbose="error").save(whole, verbose="error")
    assert open_recording(whole).n_times == 2400
    content = whole.read_bytes()
    rng = np.random.default_rng(0)
    corrupt = tmp_path / "corrupt_raw.fif"
    n_refused = 0
    for _ in range(40):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(0, 35_000, 10)] = rng.integers(0, 256, 10)
        corrupt.write_bytes(damaged)
        try:
            with mne.use_log_level("error"):
                open_recording(corrupt)
        except InvalidInput as error:
            n_refused += 1
            assert error.file == corrupt and error.hint
    assert n_refused > 20
