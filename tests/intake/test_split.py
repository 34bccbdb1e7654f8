"""Recordings in several files: every part must be whole, and all must follow from each other."""

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from pipeline.errors import InvalidInput
from pipeline.spikes.recording import open_recording


@pytest.fixture
def parts(tmp_path, request):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    with info._unlock():
        info["sfreq"], info["lowpass"] = 500.0, 250.0
    raw = mne.io.RawArray(np.zeros((306, 8000)), info, verbose="error")
    naming = request.param
    raw.save(
        tmp_path / "sub-01_task-rest_meg.fif",
        split_size="4MB",
        split_naming=naming,
        buffer_size_sec=0.5,
        verbose="error",
    )
    found = sorted(tmp_path.glob("*.fif"), key=lambda path: (len(path.name), path.name))
    assert len(found) >= 3
    return found


both = pytest.mark.parametrize("parts", ["bids", "neuromag"], indirect=True)


@both
def test_all_parts_are_read(parts):
    assert open_recording(parts[0]).n_times == 8000


@both
@pytest.mark.parametrize("which", [1, -1])
def test_a_part_that_is_cut_short_is_named(parts, which):
    content = parts[which].read_bytes()
    parts[which].write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidInput, match="truncated") as raised:
        open_recording(parts[0])
    assert raised.value.file == parts[which]


@both
def test_a_missing_part_is_told(parts):
    parts[1].unlink()
    with pytest.raises(InvalidInput, match="missing"):
        open_recording(parts[0])


@pytest.mark.parametrize("parts", ["bids"], indirect=True)
def test_a_part_that_does_not_follow_is_told(parts):
    content = parts[-1].read_bytes()
    parts[-1].with_name("sub-01_task-rest_split-09_meg.fif").write_bytes(content)
    with pytest.raises(InvalidInput, match=f"only {len(parts)} of the {len(parts) + 1} parts"):
        open_recording(parts[0])


@pytest.mark.parametrize("parts", ["neuromag"], indirect=True)
def test_another_kind_of_file_beside_it_is_no_part(parts):
    parts[0].with_name("sub-01_task-rest_meg-eve.fif").write_bytes(b"no part")
    assert open_recording(parts[0]).n_times == 8000


@both
def test_parts_that_were_renamed_are_not_only_called_missing(parts):
    renamed = [part.with_name(part.name.replace("rest", "spikes")) for part in parts]
    for part, new in zip(parts, renamed, strict=True):
        part.rename(new)
    with pytest.raises(
        InvalidInput, match=f"renamed.* {len(parts) - 1} others are there"
    ) as raised:
        open_recording(renamed[0])
    assert "give them back their names" in raised.value.hint
    for part in renamed[1:]:
        part.unlink()
    with pytest.raises(InvalidInput, match="a part of the split recording is missing"):
        open_recording(renamed[0])
