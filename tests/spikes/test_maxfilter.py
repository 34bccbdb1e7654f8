"""MaxFilter inside: when it is applied, that it is never applied twice, and what it leaves."""

from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from spikes_recording import dipole_fields

from bids_app.demo.recording import interference_fields
from pipeline.errors import InvalidInput
from pipeline.progress import Progress
from pipeline.records.spikes_qc import MaxFilterQC
from pipeline.spikes import maxfilter
from pipeline.spikes.noise import noise_covariance

SFREQ, N_TIMES, NOISY = 200.0, 4400, "MEG 1211"
NAME = Path("sub-01_task-rest_meg.fif")


@pytest.fixture(scope="module")
def raw():
    """A source in the head, a field from far away that is 1000 times stronger, and a noisy channel."""
    rng = np.random.default_rng(1)
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"] = SFREQ
        head = np.eye(4)
        head[:3, 3] = [0.003, -0.004, 0.05]
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
    source = dipole_fields(info, np.array([[0.05, 0.02, 0.06]]), np.array([[0.3, 1.0, -0.2]]))
    course, far = 50e-9 * rng.normal(size=(1, N_TIMES)), 1e-9 * rng.normal(size=(3, N_TIMES))
    white = np.where(mne.pick_types(info, meg="mag")[:, None] == np.arange(306), 1, 0).any(0)
    white = np.where(white, 3e-15, 3e-13)[:, None] * np.sqrt(SFREQ / 2)
    data = source @ course + interference_fields(info)[:3].T @ far
    data += white * rng.normal(size=data.shape)
    data[info.ch_names.index(NOISY)] += 3e-11 * rng.normal(size=N_TIMES)
    made = mne.io.RawArray(data, info, first_samp=900, verbose="error")
    made.source = source[:, 0]
    return made


def apply(raw, mode="on", path=NAME, tsss_s=0.0, like=None, place=None, kept=None):
    notes: list[str] = []
    with maxfilter.maxfiltered(raw, path, mode, tsss_s, notes, Progress(), like, place, kept) as (
        out,
        qc,
    ):
        return out.load_data() if qc.done else out, qc, notes


@pytest.fixture(scope="module")
def filtered(raw):
    return apply(raw)


@pytest.mark.parametrize(
    ("mode", "shielded", "name", "machine", "expected"),
    [
        ("auto", False, "a_meg.fif", False, False),
        ("auto", True, "a_meg.fif", False, True),
        ("auto", False, "a_meg.fif", True, True),
        ("auto", True, "a_proc-sss_meg.fif", True, False),
        ("on", False, "a_meg.fif", False, True),
        ("on", False, "a_proc-tsss_meg.fif", False, False),
        ("off", False, "a_meg.fif", True, False),
    ],
)
def test_when_it_is_applied(mode, shielded, name, machine, expected, raw, tmp_path):
    info = raw.info.copy()
    with info._unlock():
        info["maxshield"] = shielded
    if machine:
        for file in ("sub-01_acq-calibration_meg.dat", "sub-01_acq-crosstalk_meg.fif"):
            (tmp_path / file).touch()
    done, why = maxfilter.decision(info, tmp_path / name, mode)
    assert done is expected and why


def test_a_shielded_recording_is_not_used_as_it_is(raw):
    info = raw.info.copy()
    with info._unlock():
        info["maxshield"] = True
    with pytest.raises(InvalidInput, match="internal active shielding and is raw") as refused:
        maxfilter.decision(info, NAME, "off")
    assert 'maxfilter = "auto"' in refused.value.hint


def test_other_makers_are_left_alone():
    assert maxfilter.decision(read_meg_canonical_info("ctf275"), NAME, "on")[0] is False


def test_it_takes_out_what_is_far_and_leaves_the_source(raw, filtered):
    out, qc, notes = filtered
    mags = mne.pick_types(raw.info, meg="mag")
    assert qc.noise_change_db["mag"] < -20 and not notes
    assert (out.n_times, out.first_samp) == (raw.n_times, raw.first_samp)
    # The strongest pattern left is the source's, of which little is lost.
    data = out.get_data()[mags]
    pattern = np.linalg.svd(data, full_matrices=False)[0][:, 0]
    field = raw.source[mags] / np.linalg.norm(raw.source[mags])
    assert abs(pattern @ field) > 0.98


def test_a_noisy_channel_is_found_and_reconstructed(raw, filtered):
    out, qc, _ = filtered
    assert NOISY in qc.reconstructed_channels and not out.info["bads"]
    at = raw.ch_names.index(NOISY)
    assert out.get_data()[at].std() < 0.05 * raw.get_data()[at].std()


def test_detection_and_averaging_get_the_same(raw, filtered, monkeypatch, tmp_path):
    """Averaging takes what detection left, to the last bit what it would have made itself."""
    before = raw.get_data().copy()
    out, qc, notes = filtered
    n_made, separate = [], maxfilter._in_blocks

    def counted(*args):
        n_made.append(1)
        return separate(*args)

    monkeypatch.setattr(maxfilter, "_in_blocks", counted)
    kept = maxfilter.Kept(tmp_path)
    for n_files in (1, 0):
        again, told, said = apply(raw, kept=kept)
        assert np.array_equal(again.get_data(), out.get_data())
        assert (told, said) == (qc, notes) and again.annotations == out.annotations
        assert len(list(tmp_path.rglob("*_raw.fif"))) == n_files
    assert len(n_made) == 1 and not kept.of
    assert np.array_equal(raw.get_data(), before) and not maxfilter.is_processed(raw.info, NAME)
    assert mne.compute_rank(out, verbose="error") == mne.compute_rank(again, verbose="error")


def test_what_was_left_of_another_is_not_taken(raw, tmp_path, monkeypatch):
    made = []

    def separated(raw, settings, tsss_s, folder):
        made.append(tuple(raw.info["bads"]))
        return raw, {}

    monkeypatch.setattr(maxfilter, "_in_blocks", separated)
    monkeypatch.setattr(maxfilter, "_found_bad", lambda raw, settings: set())
    kept, other = maxfilter.Kept(tmp_path), raw.copy()
    other.info["bads"] = [NOISY]
    renamed = raw.copy().rename_channels({NOISY: "MEG1211"})
    for each, path in ((raw, NAME), (other, NAME), (renamed, NAME), (raw, Path("b_meg.fif"))):
        apply(each, path=path, kept=kept)
    apply(raw, tsss_s=10.0, kept=kept)
    assert len(made) == len(kept.of) == 5 and made[1] == (NOISY,)


def test_never_twice(filtered):
    out, *_ = filtered
    again, qc, _ = apply(out)
    assert again is out and qc.why == "it says that it was processed before"


def test_the_rank_is_that_of_the_space_inside(filtered):
    out, *_ = filtered
    windows = out.get_data()[:, : 20 * 200].reshape(306, 20, 200).transpose(1, 0, 2)
    info = out.info.copy()
    with info._unlock():
        info["lowpass"] = 40.0
    _, rank = noise_covariance(windows, info)
    assert list(rank) == ["meg"] and 50 <= rank["meg"] <= 80


def test_blocks_give_what_the_whole_gives(raw, filtered, monkeypatch):
    whole, qc, _ = filtered
    bad = set(qc.reconstructed_channels)
    monkeypatch.setattr(maxfilter, "_found_bad", lambda raw, settings: bad)
    monkeypatch.setattr(maxfilter, "BLOCK_S", 4.0)
    blocks, *_ = apply(raw)
    difference = np.abs(blocks.get_data() - whole.get_data()).max()
    assert difference < 1e-9 * np.abs(whole.get_data()).max()


def test_the_empty_room_comes_into_the_same_space(raw, filtered):
    out, qc, _ = filtered
    room = raw.copy()
    with room.info._unlock():
        room.info["dev_head_t"] = None
    done, room_qc, _ = apply(room, like=qc, place=raw.info["dev_head_t"])
    assert room_qc.reconstructed_channels == qc.reconstructed_channels
    np.testing.assert_allclose(done.get_data(), out.get_data(), rtol=1e-6, atol=1e-18)
    with pytest.raises(InvalidInput, match="was MaxFiltered before"):
        maxfilter.require_like(out.info, NAME, qc)
    shielded = raw.info.copy()
    with shielded._unlock():
        shielded["maxshield"] = True
    with pytest.raises(InvalidInput, match="internal active shielding"):
        maxfilter.require_like(shielded, NAME, MaxFilterQC(file="a", done=False, why="b"))


def calibration(raw, path, turned_deg=0.0, n=306):
    turn = mne.transforms.rotation(0, np.radians(turned_deg), 0)[:3, :3]
    locs = np.array([channel["loc"] for channel in raw.info["chs"]])
    locs[:, 9:] = locs[:, 9:] @ turn.T
    imbalance = [[1.0] if kind == "mag" else [0.0] for kind in raw.get_channel_types()]
    names = [name.replace(" ", "") for name in raw.ch_names]
    stated = {"ch_names": names[:n], "locs": locs[:n], "imb_cals": imbalance[:n]}
    mne.preprocessing.write_fine_calibration(path, stated)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda raw, path: calibration(raw, path), ""),
        (
            lambda raw, path: calibration(raw, path, 20.0),
            "another machine: its sensors lie up to 0 mm",
        ),
        (lambda raw, path: calibration(raw, path, n=300), "it lacks 6 of 306 channels"),
        (lambda raw, path: path.write_text("no calibration"), "damaged, or no fine calibration"),
    ],
)
def test_a_calibration_of_another_machine_is_told(write, told, raw, tmp_path):
    path = tmp_path / "sub-01_acq-calibration_meg.dat"
    write(raw, path)
    assert told in maxfilter._calibration_problem(path, raw.info)
    assert bool(maxfilter._calibration_problem(path, raw.info)) is bool(told)


def test_a_damaged_crosstalk_file_is_told(raw, tmp_path):
    (tmp_path / "sub-01_acq-crosstalk_meg.fif").write_bytes(b"no FIF")
    notes: list[str] = []
    files = maxfilter._usable(maxfilter.machine_files(tmp_path / NAME), raw, notes)
    assert files.there == [] and "was not used: it is damaged" in notes[0]


def test_the_preflight_can_tell_of_files_that_do_not_fit(raw, tmp_path):
    calibration(raw, tmp_path / "sub-01_acq-calibration_meg.dat", n=300)
    (tmp_path / "sub-01_acq-crosstalk_meg.fif").write_bytes(b"no FIF")
    lacking, damaged = maxfilter.unfit_files(raw, tmp_path / NAME, "auto")
    assert "sub-01_acq-calibration_meg.dat was not used: it is of another machine" in lacking
    assert "sub-01_acq-crosstalk_meg.fif was not used: it is damaged" in damaged
    assert maxfilter.unfit_files(raw, tmp_path / NAME, "off") == []
