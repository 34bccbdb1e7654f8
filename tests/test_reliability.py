"""Short versions of the campaigns in tests/reliability, and the inputs that are worst of all."""

import gzip
import os
import pickle
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from pipeline.compare.resection import read_resection
from pipeline.errors import InvalidInput
from pipeline.files import read_npz
from pipeline.headmodel.t1w import read_t1w
from pipeline.weights import load_model

SCRIPTS = Path(__file__).parent / "reliability"


def script(name, *options):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.campaign
def test_damaged_files_end_in_a_sentence():
    printed = script("fuzz.py", "-n", "5", "--commands", "1")
    assert printed.splitlines()[-1].endswith(", 0 defects")


@pytest.mark.campaign
def test_kills_leave_nothing_half_written(finished, tmp_path):
    shutil.copytree(finished.bids, tmp_path / "bids", copy_function=os.link)
    shutil.copytree(finished.output, tmp_path / "reference")
    printed = script("faults.py", str(tmp_path), "--stages", "compare", "report", "--kills", "4")
    assert "kills of compare: 4, 0 problems" in printed
    assert "kills of report: 4, 0 problems" in printed


@pytest.mark.campaign
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_full_disk_and_read_only_folders(finished, tmp_path):
    shutil.copytree(finished.bids, tmp_path / "bids", copy_function=os.link)
    shutil.copytree(finished.output, tmp_path / "reference")
    options = ("--stages", "compare", "--kills", "0", "--full-disks", "3", "--read-only")
    printed = script("faults.py", str(tmp_path), *options)
    assert "read-only folders: 3, 0 problems" in printed


# -- sizes that a header claims ---------------------------------------------------------
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shape", [(2000, 2000, 2000), (32767, 32767, 1000)])
@pytest.mark.parametrize("read", [read_t1w, read_resection])
def test_header_that_claims_terabytes_takes_no_memory(tmp_path, read, shape, ending):
    small = tmp_path / "small.nii"
    nib.save(nib.Nifti1Image(np.zeros((40, 40, 40), np.uint8), np.diag([3.0, 3, 3, 1])), small)
    content = bytearray(small.read_bytes())
    content[42:48] = struct.pack("<3h", *shape)
    lying = tmp_path / f"lying{ending}"
    lying.write_bytes(gzip.compress(content) if ending == ".nii.gz" else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput):
        read(lying)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


# -- files that could run code ----------------------------------------------------------
class Bomb:
    """Unpickled, it creates a file."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


@pytest.fixture
def marker(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()
    marker.unlink()
    return marker


def test_weights_that_are_a_pickle_are_not_unpickled(tmp_path, marker):
    for write in (
        lambda file: torch.save({"x": Bomb(marker)}, file),
        lambda file: file.write_bytes(pickle.dumps(Bomb(marker))),
    ):
        file = tmp_path / "model.safetensors"
        write(file)
        with pytest.raises(InvalidInput, match="intact weights file"):
            load_model(file)
    assert not marker.exists()


def test_arrays_that_hold_a_pickle_are_not_unpickled(tmp_path, marker):
    file = tmp_path / "arrays.npz"
    np.savez(file, leadfield=np.array([Bomb(marker)], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_npz(file)
    assert not marker.exists()


# -- names that could lead elsewhere ----------------------------------------------------
@pytest.mark.parametrize("label", ["../01", "..", "01/../../x", "/etc", "01\n", "sub-sub-01", "*"])
def test_participant_label_leads_nowhere(tmp_path, label):
    (tmp_path / "bids/sub-01").mkdir(parents=True)
    (tmp_path / "bids/dataset_description.json").write_text(
        '{"Name": "x", "BIDSVersion": "1.10.0"}'
    )
    arguments = [str(tmp_path / "bids"), str(tmp_path / "out"), "participant"]
    assert main([*arguments, "--participant-label", label]) == ExitCode.USAGE
    assert not (tmp_path / "out").exists()
