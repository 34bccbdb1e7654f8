"""Files of somebody else among a participant's, and outputs among somebody else's files."""

import pytest
from dataset_of_files import SPIKES, find, touch, write_recording

from bids_app.cli import main
from bids_app.derivatives import check_output, open_output
from bids_app.exit_codes import ExitCode
from pipeline.errors import SpikefocusError

T1W, MEG = "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/meg/sub-01_task-rest_run-01_meg.fif"


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "bids"
    touch(root, T1W, MEG)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return root


def test_contacts_named_for_another_participant_are_not_this_ones(dataset):
    names = ("electrodes.tsv", "task-rest_channels.tsv", "coordsystem.json")
    touch(dataset, *(f"sub-01/ieeg/sub-02_{name}" for name in names))
    ieeg = find(dataset).ieeg
    assert ieeg.electrodes == ieeg.channels == ieeg.coordsystem == []
    assert ieeg.no_contacts == "sub-02_electrodes.tsv is not named for sub-01"
    touch(dataset, *(f"sub-01/ieeg/sub-01_{name}" for name in names))
    files = find(dataset)
    assert [path.name for path in files.ieeg.all_files] == [f"sub-01_{name}" for name in names]
    assert sum("it is not named for sub-01" in note for note in files.notes) == 3


def test_another_participants_ct_is_not_this_ones(dataset):
    touch(dataset, "sub-01/ieeg/sub-01_electrodes.tsv", "sub-01/ct/sub-02_ct.nii.gz")
    assert find(dataset).ieeg.images == []
    touch(dataset, "sub-01/ct/sub-01_ct.nii.gz")
    assert [path.name for path in find(dataset).ieeg.images] == ["sub-01_ct.nii.gz"]


def test_the_participants_own_recording_is_no_empty_room(dataset):
    write_recording(dataset / MEG)
    sidecar = dataset / MEG.replace("_meg.fif", "_meg.json")
    sidecar.write_text(f'{{"AssociatedEmptyRoom": "{MEG}"}}')
    files = find(dataset)
    assert files.empty_room is None
    assert files.notes == [
        f"AssociatedEmptyRoom of {(dataset / MEG).name} names {(dataset / MEG).name}, a recording of "
        "the participant."
    ]
    other = MEG.replace("run-01", "run-02")
    write_recording(dataset / other, seed=5)
    (dataset / other.replace("meg.fif", "events.tsv")).write_text(SPIKES)
    sidecar.write_text(f'{{"AssociatedEmptyRoom": "{other}"}}')
    assert find(dataset).empty_room is None


@pytest.mark.parametrize("folder", ["", "sub-01", "sub-01/out"])
def test_no_output_among_the_data(dataset, folder):
    before = (dataset / "dataset_description.json").read_text()
    out = str(dataset / folder)
    assert main([str(dataset), out, "participant", "--skip-bids-validation"]) == ExitCode.USAGE
    assert (dataset / "dataset_description.json").read_text() == before


def test_no_output_in_the_place_of_another_dataset(dataset):
    out = dataset / "derivatives/freesurfer"
    touch(out, "dataset_description.json")
    (out / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "FreeSurfer"}]}')
    with pytest.raises(SpikefocusError, match="is another dataset"):
        check_output(out, dataset)
    with pytest.raises(SpikefocusError, match="File name too long"):
        check_output(dataset.parent / ("a" * 300), dataset)
    own = dataset / "derivatives/spikefocus"
    check_output(own, dataset)
    open_output(own, dataset)
    check_output(own, dataset)


@pytest.mark.parametrize("asked", ["1", "01", "001"])
def test_a_run_is_asked_for_by_its_number(dataset, asked, capsys):
    out = str(dataset.parent / "out")
    arguments = [str(dataset), out, "participant", "--run", asked, "--dry-run"]
    assert main(arguments) != ExitCode.USAGE
    assert main([*arguments[:-2], "2", "--dry-run"]) == ExitCode.USAGE
    assert "allowed is 01" in capsys.readouterr().err


def test_an_option_that_is_given_twice_counts_twice(dataset, capsys):
    touch(dataset, T1W.replace("01", "02"), MEG.replace("sub-01", "sub-02"))
    labels = ["--participant-label", "01", "--participant-label", "02"]
    main([str(dataset), str(dataset.parent / "out"), "participant", *labels, "--dry-run"])
    told = capsys.readouterr()
    assert "sub-01" in told.out and "sub-02" in told.out
