"""Links out of the dataset: what needs them is refused, what can do without does."""

import pytest
from dataset_of_files import SPIKES, find, touch

from pipeline.errors import InvalidInput

T1W, MEG = "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/meg/sub-01_task-rest_meg.fif"
EVENTS, CHANNELS = (MEG.replace("meg.fif", end) for end in ("events.tsv", "channels.tsv"))
ELECTRODES = "sub-01/ieeg/sub-01_electrodes.tsv"
MASK = "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz"
TOLD = "is a link that leads out of the dataset"


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "bids"
    touch(root, T1W, MEG, CHANNELS, ELECTRODES, MASK, "sub-01/anat/sub-01_T1w.json")
    (root / "sub-01/anat/sub-01_T1w.json").write_text('{"AnatomicalLandmarkCoordinates": {}}')
    (root / EVENTS).write_text(SPIKES)
    (root / "participants.tsv").write_text("participant_id\tengel\nsub-01\tIA\n")
    return root


def lead_out(root, name):
    outside = root.parent / name.replace("/", "_")
    (root / name).rename(outside)
    (root / name).symlink_to(outside)


@pytest.mark.parametrize("name", [T1W, MEG, EVENTS, "sub-01/meg", "sub-01"])
def test_what_is_needed_is_refused(dataset, name):
    lead_out(dataset, name)
    with pytest.raises(InvalidInput, match=TOLD):
        find(dataset)
    assert find(dataset, follow_links=True).meg == [dataset / MEG]


def test_optional_files_are_left_out_and_told(dataset):
    names = [CHANNELS, ELECTRODES, MASK, "sub-01/anat/sub-01_T1w.json", "participants.tsv"]
    for name in names:
        lead_out(dataset, name)
    files = find(dataset)
    assert files.channels == [None] and files.t1w_json is None and files.outcome is None
    assert files.ieeg.electrodes == [] and files.resection_mask is None
    assert files.ieeg.no_contacts == f"sub-01_electrodes.tsv {TOLD}"
    assert files.no_mask == f"sub-01_desc-resection_mask.nii.gz {TOLD}"
    for name in names:
        assert any(name.split("/")[-1] in note and TOLD in note for note in files.notes), name
    assert find(dataset, follow_links=True).resection_mask == dataset / MASK


def test_a_folder_that_is_not_read_may_lead_anywhere(dataset):
    touch(dataset, "sub-01/func/sub-01_bold.nii.gz")
    lead_out(dataset, "sub-01/func")
    assert find(dataset).meg == [dataset / MEG]


def test_contacts_behind_a_folder_that_leads_out_are_not_read(dataset):
    lead_out(dataset, "sub-01/ieeg")
    files = find(dataset)
    assert files.ieeg.electrodes == [] and TOLD in files.ieeg.no_contacts


def test_a_link_in_a_circle_stops_nobody(dataset):
    for name in (CHANNELS, "sub-01/anat/sub-01_T1w.json", "participants.tsv"):
        (dataset / name).unlink()
        (dataset / name).symlink_to(name.split("/")[-1])
    assert find(dataset).meg == [dataset / MEG]
