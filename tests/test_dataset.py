"""Finding a participant's files."""

import json
import os
import shutil
from pathlib import Path

import pytest

from bids_app.dataset import (
    InvalidDataset,
    Query,
    check_dataset,
    find_patient,
    is_label,
    participant_labels,
)
from bids_app.dataset.links import leads_out
from pipeline.compare.frames import is_postoperative
from pipeline.errors import InvalidInput
from pipeline.headmodel.freesurfer import SURFACES


@pytest.fixture
def bids_dir(tmp_path):
    """A dataset of empty files: finding looks at names only."""
    root = tmp_path / "bids"
    for name in (
        "dataset_description.json",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T1w.json",
        "sub-01/meg/sub-01_task-rest_run-01_meg.fif",
        "sub-01/meg/sub-01_task-rest_run-01_events.tsv",
        "sub-01/meg/sub-01_task-rest_run-02_meg.fif",
        "sub-01/meg/sub-01_task-noise_meg.fif",
        "sub-01/meg/sub-01_acq-crosstalk_meg.fif",
        "sub-01/ieeg/sub-01_electrodes.tsv",
        "sub-02/anat/sub-02_T1w.nii.gz",
        "sub-emptyroom/ses-20200101/meg/sub-emptyroom_ses-20200101_task-noise_meg.fif",
        "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz",
        "derivatives/freesurfer/sub-01/mri/orig.mgz",
        *(f"derivatives/freesurfer/sub-01/{name}" for name in SURFACES),
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}" if name.endswith(".json") else "")
    return root


EVERYTHING = Query()


def find(root, label="01", query=EVERYTHING, **kwargs):
    kwargs = {"derivatives": {}, "fs_subjects_dir": None, "use_freesurfer": True, **kwargs}
    return find_patient(root, label, query, **kwargs)


def test_finds_every_kind_of_file(bids_dir):
    files = find(bids_dir)
    assert files.t1w.name == "sub-01_T1w.nii.gz"
    assert [p.name for p in files.meg] == [
        "sub-01_task-rest_run-01_meg.fif",
        "sub-01_task-rest_run-02_meg.fif",
    ]
    assert files.events[0].name == "sub-01_task-rest_run-01_events.tsv"
    assert files.events[1] is None
    assert files.empty_room.name == "sub-01_task-noise_meg.fif"
    assert files.freesurfer_dir.name == "sub-01"
    assert files.resection_mask.name == "sub-01_desc-resection_mask.nii.gz"


def test_run_and_filter_narrow_the_recordings(bids_dir):
    assert len(find(bids_dir, query=Query(runs=("02",))).meg) == 1
    with pytest.raises(InvalidInput, match="No MEG"):
        find(bids_dir, query=Query(filters={"meg": {"task": "motor"}}))


def test_freesurfer_can_be_refused(bids_dir):
    assert find(bids_dir, use_freesurfer=False).freesurfer_dir is None


def test_freesurfer_asked_for_and_absent_is_an_error(bids_dir, tmp_path):
    with pytest.raises(InvalidInput, match="--fs-subjects-dir"):
        find(bids_dir, fs_subjects_dir=tmp_path)


def test_missing_meg_names_folder_and_remedy(bids_dir):
    with pytest.raises(InvalidInput, match=r"No MEG recording was found \(.*sub-02/meg\); "):
        find(bids_dir, "02")


def test_unknown_participant_lists_the_known(bids_dir):
    with pytest.raises(InvalidInput, match="choose among: 01, 02"):
        find(bids_dir, "99")


def test_of_two_resection_masks_none_is_used(bids_dir):
    folder = bids_dir / "derivatives/resection/sub-01/anat"
    (folder / "sub-01_desc-resection2_mask.nii.gz").write_text("")
    files = find(bids_dir)
    assert files.resection_mask is None
    assert files.no_mask.startswith("2 resection masks")
    assert "sub-01_desc-resection2_mask.nii.gz" in files.no_mask


def add(root, *names, content=""):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def test_of_masks_in_two_spaces_the_preoperative_one_is_used(bids_dir):
    add(
        bids_dir, "derivatives/resection/sub-01/anat/sub-01_space-postop_desc-resection_mask.nii.gz"
    )
    files = find(bids_dir)
    assert files.resection_mask.name == "sub-01_desc-resection_mask.nii.gz"
    assert any("2 resection masks" in note for note in files.notes)


def test_our_own_mask_is_not_read_again(bids_dir):
    own = "derivatives/spikefocus"
    add(bids_dir, f"{own}/sub-01/anat/sub-01_space-T1w_desc-resection_mask.nii.gz")
    described = json.dumps({"GeneratedBy": [{"Name": "spikefocus"}]})
    add(bids_dir, f"{own}/dataset_description.json", content=described)
    assert find(bids_dir).resection_mask.parent.parent.parent.name == "resection"


def test_the_postoperative_t1w_is_never_the_preoperative_one(bids_dir):
    add(bids_dir, "sub-01/ses-postop/anat/sub-01_ses-postop_T1w.nii.gz")
    files = find(bids_dir)
    assert files.t1w.name == "sub-01_T1w.nii.gz"
    assert files.postop_t1w.name == "sub-01_ses-postop_T1w.nii.gz"
    assert not any("T1-weighted" in note for note in files.notes)
    add(bids_dir, "derivatives/resection/sub-01/anat/sub-01_acq-postop_T1w.nii.gz")
    files = find(bids_dir)
    assert files.postop_t1w is None
    assert files.no_postop.startswith("2 post-operative T1w images")
    drawn_on = {"Sources": ["bids::sub-01/ses-postop/anat/sub-01_ses-postop_T1w.nii.gz"]}
    mask = files.resection_mask
    add(mask.parent, mask.name.replace(".nii.gz", ".json"), content=json.dumps(drawn_on))
    assert find(bids_dir).postop_t1w.name == "sub-01_ses-postop_T1w.nii.gz"


def test_a_participant_with_a_postoperative_t1w_alone_says_so(bids_dir):
    (bids_dir / "sub-01/anat/sub-01_T1w.nii.gz").unlink()
    add(bids_dir, "sub-01/ses-postop/anat/sub-01_ses-postop_T1w.nii.gz")
    files = find(bids_dir)
    assert files.t1w.name == "sub-01_ses-postop_T1w.nii.gz"
    assert any("named as a post-operative one" in note for note in files.notes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_ses-postop_T1w.nii.gz", True),
        ("sub-01_ses-postsurgery01_T1w.nii.gz", True),
        ("sub-01_acq-post_T1w.nii.gz", True),
        ("sub-01_ses-postimplant_T1w.nii.gz", False),
        ("sub-01_ses-preop_T1w.nii.gz", False),
        ("sub-01_ses-postop_ce-gadolinium_T1w.nii.gz", True),
        ("sub-01_acq-post_ce-gadolinium_T1w.nii.gz", False),
        ("sub-01_acq-postcontrast_T1w.nii.gz", False),
        ("sub-01_acq-postGd_T1w.nii.gz", False),
        ("sub-01_rec-postproc_T1w.nii.gz", False),
        ("sub-01_desc-resection_mask.nii.gz", False),
        ("sub-post_T1w.nii.gz", False),
    ],
)
def test_names_that_mean_after_the_operation(name, expected):
    assert is_postoperative(Path(name)) is expected


def test_cts_and_images_that_coordinates_refer_to_are_found(bids_dir):
    add(
        bids_dir,
        "sub-01/ct/sub-01_ct.nii.gz",
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/anat/sub-01_FLAIR.nii.gz",
        "derivatives/fused/sub-01/ct/sub-01_ct.nii.gz",
        "derivatives/fused/sub-01/anat/sub-01_acq-acpc_T1w.nii.gz",
    )
    for name in ("T2w", "acq-acpc_T1w"):
        described = json.dumps({"IntendedFor": f"bids::sub-01/anat/sub-01_{name}.nii.gz"})
        add(bids_dir, f"sub-01/ieeg/sub-01_acq-{name[:3]}_coordsystem.json", content=described)
    add(bids_dir, "sub-01/ieeg/sub-01_acq-broken_coordsystem.json", content="{")
    images = find(bids_dir).ieeg.images
    assert sorted(path.name for path in images) == [
        "sub-01_T2w.nii.gz",
        "sub-01_acq-acpc_T1w.nii.gz",
        "sub-01_ct.nii.gz",
    ]
    assert "fused" not in str(next(path for path in images if path.name.endswith("_ct.nii.gz")))
    assert find(bids_dir, "01").ieeg.electrodes and len(find(bids_dir).ieeg.coordsystem) == 3


def test_empty_room_never_leaves_the_dataset(bids_dir):
    outside = bids_dir.parent / "elsewhere_meg.fif"
    outside.write_text("")
    (bids_dir / "sub-01/meg/sub-01_task-noise_meg.fif").unlink()
    room = next(bids_dir.glob("sub-emptyroom/ses-*/meg/*"))
    other = room.with_name(room.name.replace("noise", "noise_run-2"))
    other.write_text("")  # two, so that none is the only one
    sidecar = bids_dir / "sub-01/meg/sub-01_task-rest_run-01_meg.json"
    sidecar.write_text(json.dumps({"AssociatedEmptyRoom": f"../{outside.name}"}))
    files = find(bids_dir)
    assert files.empty_room is None
    assert any("not in this dataset" in note for note in files.notes)
    sidecar.write_text(json.dumps({"AssociatedEmptyRoom": f"bids::{other.relative_to(bids_dir)}"}))
    assert find(bids_dir).empty_room == other


@pytest.mark.parametrize("stated", ["a" * 300, "x\0y", 1, [1], {"a": 1}, [[]], None])
def test_empty_room_that_is_no_path_is_none(bids_dir, stated):
    (bids_dir / "sub-01/meg/sub-01_task-noise_meg.fif").unlink()
    shutil.rmtree(bids_dir / "sub-emptyroom")
    sidecar = bids_dir / "sub-01/meg/sub-01_task-rest_run-01_meg.json"
    sidecar.write_text(json.dumps({"AssociatedEmptyRoom": stated}))
    assert find(bids_dir).empty_room is None
    sidecar.write_text(json.dumps([stated]))
    assert find(bids_dir).empty_room is None


def link(path, target):
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


NEEDED = (
    "sub-01/anat/sub-01_T1w.nii.gz",
    "sub-01/meg/sub-01_task-rest_run-01_meg.fif",
    "task-rest_events.tsv",
)
LINKED = [
    "sub-01/anat/sub-01_T1w.nii.gz",
    "sub-01/anat/sub-01_T1w.json",
    "sub-01/meg/sub-01_task-rest_run-01_meg.fif",
    "sub-01/meg/sub-01_task-rest_run-01_meg.json",
    "sub-01/ieeg/sub-01_electrodes.tsv",
    "sub-01/meg/nested.ds/sub-01_meg.meg4",
    "task-rest_events.tsv",
    "participants.tsv",
    "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz",
    "derivatives/postop/sub-01/anat/sub-01_ses-postop_T1w.nii.gz",
    "derivatives/freesurfer/sub-01/surf/rh.white",
]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (name, target)
        for name in LINKED
        for target in ("absolute", "relative", "folder")
        if target != "folder" or "/" in name  # the dataset's own folder may be a link
    ],
)
def test_links_out_of_the_dataset_are_never_read(bids_dir, name, target):
    elsewhere = bids_dir.parent / "elsewhere"
    shutil.copytree(bids_dir, elsewhere)
    (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
    (elsewhere / name).write_text("{}")
    if "events" in name:
        for beside in bids_dir.glob("sub-01/meg/*_events.tsv"):
            beside.unlink()
    path = bids_dir / name
    if target == "folder":
        # Folders are searched for images, and links to folders are not searched.
        searched = "resection" in name or "postop" in name
        path = path.parents[1] if searched else path.parent
        shutil.rmtree(path, ignore_errors=True)
    aim = elsewhere / path.relative_to(bids_dir)
    link(path, os.path.relpath(aim, path.parent) if target == "relative" else aim)
    needed = name in NEEDED or path in (bids_dir / "sub-01/anat", bids_dir / "sub-01/meg")
    if needed:
        with pytest.raises(InvalidInput, match="leads out of the dataset"):
            find(bids_dir)
        return
    files = find(bids_dir)
    used = [each for each in flat(vars(files).values()) if isinstance(each, Path)]
    used += flat(vars(files.ieeg).values())
    assert not [each for each in used if isinstance(each, Path) and leads_out(each, [bids_dir])]
    if target != "folder" and name.startswith(("sub-01/ieeg", "derivatives/", "participants")):
        assert any("leads out of the dataset" in note for note in files.notes)


def flat(values):
    """Members of lists and lists of lists."""
    return [
        member
        for value in values
        for member in (flat(value) if isinstance(value, list) else [value])
    ]


def test_links_within_the_dataset_are_followed(bids_dir):
    """As git-annex keeps its files."""
    t1w = bids_dir / "sub-01/anat/sub-01_T1w.nii.gz"
    kept = bids_dir / ".git/annex/objects/T1w"
    kept.parent.mkdir(parents=True)
    t1w.rename(kept)
    link(t1w, os.path.relpath(kept, t1w.parent))
    assert find(bids_dir).t1w == t1w


def test_folders_that_the_user_names_may_lie_elsewhere(bids_dir, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (bids_dir / "derivatives/freesurfer").rename(elsewhere)
    assert find(bids_dir).freesurfer_dir is None
    named = tmp_path / "freesurfer"
    elsewhere.rename(named)
    assert find(bids_dir, derivatives={"freesurfer": named}).freesurfer_dir == named / "sub-01"
    subjects = tmp_path / "subjects"
    link(subjects / "sub-01", named / "sub-01")
    assert find(bids_dir, fs_subjects_dir=subjects).freesurfer_dir == subjects / "sub-01"
    link(named / "sub-01/surf/rh.white", "/etc/hostname")
    with pytest.raises(InvalidInput, match="leads out of the dataset"):
        find(bids_dir, fs_subjects_dir=subjects)


def test_outcome_comes_from_the_participants_table(bids_dir):
    assert find(bids_dir).outcome is None
    table = bids_dir / "participants.tsv"
    table.write_text("participant_id\tage\tengel\nsub-01\t30\tIA\nsub-02\t40\tn/a\n")
    assert find(bids_dir).outcome == "engel: IA"
    table.write_text("participant_id\tengel\nsub-01\tn/a\n")
    assert find(bids_dir).outcome is None
    table.write_text("")
    assert find(bids_dir).outcome is None
    table.write_bytes(b"participant_id\tengel\nsub-01\t\xff\n")
    files = find(bids_dir)
    assert files.outcome is None
    assert any("participants.tsv is not UTF-8" in note for note in files.notes)


def test_participants_leave_out_the_empty_room(bids_dir):
    assert participant_labels(bids_dir) == ["01", "02"]


@pytest.mark.parametrize("text", ["..", "a/b", "", "01\n", "sub-01", "a.b"])
def test_labels_that_could_leave_the_dataset_are_refused(text):
    assert not is_label(text)


def test_a_folder_without_description_is_no_dataset(tmp_path):
    with pytest.raises(InvalidDataset, match=r"dataset_description\.json"):
        check_dataset(tmp_path)
