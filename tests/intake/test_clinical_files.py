"""Which files of a dataset are contacts, clinical images and outcome, and which only look like it."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bids_app.clinical import find_ieeg, find_outcome
from bids_app.surgery import find_surgery
from pipeline.compare.frames import has_contrast, is_postoperative

IEEG = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}


def add(root, name, content=""):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def names(paths):
    return [path.name for path in paths]


def test_dot_files_are_none_of_the_clinics(tmp_path):
    named = {**IEEG, "IntendedFor": "bids::sub-01/anat/sub-01_acq-a_T1w.nii.gz"}
    for name, content in {
        "sub-01/ieeg/{}sub-01_electrodes.tsv": "",
        "sub-01/ieeg/{}sub-01_channels.tsv": "",
        "sub-01/ieeg/{}sub-01_coordsystem.json": named,
        "sub-01/ct/{}sub-01_ct.nii.gz": "",
        "sub-01/anat/{}sub-01_acq-a_T1w.nii.gz": "",
        "sub-01/ses-postop/anat/{}sub-01_ses-postop_T1w.nii.gz": "",
        "derivatives/d/sub-01/{}sub-01_desc-resection_mask.nii.gz": "",
    }.items():
        add(tmp_path, name.format(""), content)
        add(tmp_path, name.format("._"), content if isinstance(content, str) else "\x00\x05")
        add(tmp_path, name.format(".git/"), content)
    found = find_ieeg(tmp_path / "sub-01", [tmp_path / "derivatives/d"], [])
    assert names(found.electrodes) == ["sub-01_electrodes.tsv"]
    assert names(found.channels) == ["sub-01_channels.tsv"]
    assert names(found.coordsystem) == ["sub-01_coordsystem.json"]
    assert names(found.images) == ["sub-01_acq-a_T1w.nii.gz", "sub-01_ct.nii.gz"]
    surgery = find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], Path("T1w.nii"), [])
    assert surgery.mask.name == "sub-01_desc-resection_mask.nii.gz"
    assert surgery.postop_t1w.name == "sub-01_ses-postop_T1w.nii.gz"


def test_tables_and_descriptions_above_the_ieeg_folder_are_found(tmp_path):
    in_ieeg = "sub-01/ses-a/ieeg/sub-01_ses-a"
    add(tmp_path, f"{in_ieeg}_task-rest_ieeg.edf")
    table = add(tmp_path, f"{in_ieeg}_electrodes.tsv")
    channels = [
        add(tmp_path, "sub-01/ses-a/sub-01_ses-a_task-rest_channels.tsv"),
        add(tmp_path, f"{in_ieeg}_task-motor_channels.tsv"),
    ]
    add(tmp_path, "task-motor_channels.tsv")
    described = [
        add(tmp_path, name, IEEG)
        for name in (
            "coordsystem.json",
            "space-ScanRAS_coordsystem.json",
            "sub-01/sub-01_coordsystem.json",
            "sub-01/ses-a/sub-01_ses-a_coordsystem.json",
        )
    ]
    # Of another modality or person.
    add(tmp_path, "sub-01/ses-a/sub-01_ses-a_acq-x_coordsystem.json", {"MEGCoordinateSystem": "x"})
    add(tmp_path, "sub-01/ses-a/meg/sub-01_ses-a_coordsystem.json", {"MEGCoordinateSystem": "x"})
    add(tmp_path, "sub-02/sub-02_coordsystem.json", IEEG)
    levels = [
        add(tmp_path, f"{in_ieeg}_electrodes.json", {}),
        add(tmp_path, "electrodes.json", {}),
        add(tmp_path, "task-motor_channels.json", {}),
    ]
    found = find_ieeg(tmp_path / "sub-01", [], [])
    assert found.electrodes == [table]
    assert found.channels == sorted(channels)
    assert found.tables_json == {table: levels[:2], channels[0]: [], channels[1]: levels[2:]}
    assert found.coordsystem == sorted(described)


def test_contacts_above_the_ieeg_folder_are_found(tmp_path):
    add(tmp_path, "sub-01/ses-a/ieeg/sub-01_ses-a_task-rest_ieeg.edf")
    table = add(tmp_path, "sub-01/ses-a/sub-01_ses-a_electrodes.tsv")
    add(tmp_path, "sub-01/ses-b/sub-01_ses-b_electrodes.tsv")
    assert find_ieeg(tmp_path / "sub-01", [], []).electrodes == [table]
    # Without iEEG they are those of another modality.
    add(tmp_path, "sub-02/sub-02_electrodes.tsv")
    assert find_ieeg(tmp_path / "sub-02", [], []).electrodes == []


@pytest.mark.parametrize(
    "labels",
    [
        "ses-postop",
        "ses-PostOp",
        "ses-postop2",
        "ses-2postop",
        "ses-post",
        "ses-post01",
        "ses-postsurgery",
        "ses-postresection",
        "ses-postoperative6months",
        "ses-post-op",
        "ses-followup",
        "ses-followup02",
        "ses-fu1",
        "ses-aftersurgery",
        "ses-post_ce-gadolinium",
        "ses-post_acq-CE",
        "ses-postop_acq-postgd",
        "ses-postimplant_acq-postop",
        "acq-postop",
        "acq-post",
        "acq-mpragepostop",
        "acq-postopgd",
        "acq-postop_ce-gadolinium",
        "acq-post-op",
        "run-1_desc-postablation",
        "space-postop",
    ],
)
def test_names_of_images_after_the_operation(labels):
    assert is_postoperative(Path(f"sub-01_{labels}_T1w.nii.gz"))


@pytest.mark.parametrize(
    "labels",
    [
        "ce-gadolinium",
        "acq-CE",
        "acq-gd",
        "acq-postcontrast",
        "acq-post-contrast",
        "acq-post-gad",
        "acq-postgd",
        "acq-PostGd",
        "acq-postgadolinium",
        "acq-T1postGd",
        "acq-gdpost",
        "acq-post_ce-gad",
        "acq-CE_desc-post",
        "acq-post_ses-preop",
        "ses-pre_acq-post",
        "ses-postimplant",
        "ses-postimplantation",
        "ses-post-implant",
        "ses-postSEEG",
        "ses-postelectrodes",
        "ses-postgrid",
        "ses-postictal",
        "acq-posterior",
        "desc-preproc",
        "rec-postproc",
        "task-postop",
        "ses-preop",
        "ses-01",
        "acq-fullfov",
        "desc-resection",
    ],
)
def test_names_of_images_that_are_not(labels):
    assert not is_postoperative(Path(f"sub-01_{labels}_T1w.nii.gz"))
    assert not is_postoperative(Path(f"sub-post_{labels}_T1w.nii.gz"))


def save(root, name, shift_mm):
    """An image whose grid lies `shift_mm` to the right."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([2.0, 2, 2, 1])
    affine[0, 3] = shift_mm
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), affine), path)
    return path


MASK = "derivatives/d/sub-01/sub-01_desc-resection_mask.nii.gz"


def surgery(root, images, mask=MASK):
    """What is found beside a pre-operative T1w at 0 mm and a mask at 5 mm, and what is told."""
    t1w = save(root, "sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz", 0)
    save(root, mask, 5)
    for name, shift_mm in images.items():
        save(root, f"sub-01/anat/sub-01_{name}_T1w.nii.gz", shift_mm)
    notes = []
    return find_surgery("01", root, [root / "derivatives/d"], t1w, notes), notes


def test_a_contrast_image_is_no_post_operative_one(tmp_path):
    images = {"ses-pre_ce-gadolinium": 5, "ses-pre_acq-postcontrast": 5, "ses-postimplant": 7}
    found, notes = surgery(tmp_path, images)
    assert found.mask.name == "sub-01_desc-resection_mask.nii.gz" and found.postop_t1w is None
    assert notes == []
    found, notes = surgery(tmp_path, {"ses-postop": 9})
    assert found.postop_t1w.name == "sub-01_ses-postop_T1w.nii.gz" and notes == []


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        # The one on whose grid the mask is.
        ({"ses-postop": 7, "ses-followup": 5}, "ses-followup"),
        # Of one session, and so in one space: without contrast agent before with it.
        ({"ses-postop_ce-gadolinium": 5, "ses-postop_run-1": 5}, "ses-postop_run-1"),
        ({"ses-postop_acq-a": 7, "ses-postop_acq-b": 8}, "ses-postop_acq-a"),
        # A template's space is no patient's.
        ({"ses-postop": 7, "ses-post2_space-MNI152NLin2009cAsym": 5}, "ses-postop"),
    ],
)
def test_of_several_post_operative_images_one_is_chosen_and_told(tmp_path, images, chosen):
    found, notes = surgery(tmp_path, images)
    assert found.postop_t1w.name == f"sub-01_{chosen}_T1w.nii.gz"
    several = sum("space-" not in name for name in images) > 1
    assert len(notes) == several and all(found.postop_t1w.name in note for note in notes)


def test_the_masks_session_chooses(tmp_path):
    mask = "derivatives/d/sub-01/sub-01_ses-post2_desc-resection_mask.nii.gz"
    found, _ = surgery(tmp_path, {"ses-post1": 7, "ses-post2": 8, "ses-post3": 9}, mask)
    assert found.postop_t1w.name == "sub-01_ses-post2_T1w.nii.gz"


def test_where_nothing_chooses_the_reason_is_told_and_nobody_is_stopped(tmp_path):
    found, _ = surgery(tmp_path, {"ses-post1": 7, "ses-post2": 8})
    assert found.mask is not None and found.postop_t1w is None
    assert found.no_postop == (
        "2 post-operative T1w images were found, and on which the mask was drawn is not said: "
        "sub-01_ses-post1_T1w.nii.gz, sub-01_ses-post2_T1w.nii.gz"
    )


@pytest.mark.parametrize(
    ("source", "chosen"),
    [
        ("ses-post1_T1w", "ses-post1"),
        ("ses-post2_FLAIR", "ses-post2"),
        ("ses-post3_T1w", None),
        ("ses-pre_T1w", None),
    ],
)
def test_the_image_that_the_masks_sidecar_names_chooses(tmp_path, source, chosen):
    described = {"Sources": [f"bids::sub-01/anat/sub-01_{source}.nii.gz"]}
    add(tmp_path, MASK.replace(".nii.gz", ".json"), described)
    found, _ = surgery(tmp_path, {"ses-post1": 7, "ses-post2": 8})
    assert found.mask is not None
    if chosen:
        assert found.postop_t1w.name == f"sub-01_{chosen}_T1w.nii.gz"
    else:
        assert found.postop_t1w is None
        absent = "there is no T1w of the session of sub-01_ses-post3_T1w.nii.gz"
        assert found.no_postop == absent or "ses-pre" in source


def test_a_mask_on_the_grid_of_two_operations_is_never_laid_on_the_pre_operative_t1w(tmp_path):
    found, _ = surgery(tmp_path, {"ses-post1": 5, "ses-post2": 5})
    assert found.mask is None
    assert found.no_mask.startswith("the resection mask is in their space: 2 post-operative T1w")
    # On the pre-operative one's grid as well, nothing speaks for theirs.
    save(tmp_path, "sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz", 5)
    t1w = tmp_path / "sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz"
    assert find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], t1w, []).mask is not None


def test_the_t1w_of_the_head_model_is_not_a_second_one(tmp_path):
    save(tmp_path, MASK, 5)
    t1w = save(tmp_path, "sub-01/ses-postop/anat/sub-01_ses-postop_T1w.nii.gz", 5)
    found = find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], t1w, [])
    assert found.mask is not None and found.postop_t1w is None


def test_only_a_mask_of_the_resection_is_one(tmp_path):
    for name in (
        "ses-postresection_T1w",
        "ses-postresection_desc-brain_mask",
        "space-postresection_desc-tumor_mask",
        "desc-resection_T1w",
        "acq-ablation_desc-brain_mask",
        "desc-nasalcavity_mask",
        "label-plannedresection_mask",
        "desc-virtual_label-ablation_mask",
        "desc-preresection_mask",
        "desc-toresect_mask",
        "label-resectable_mask",
        "desc-resectionPlan_mask",
        "label-resectiontarget_mask",
        "label-simulatedresection_mask",
    ):
        add(tmp_path, f"d/sub-01/sub-01_{name}.nii.gz")
    root = tmp_path / "d"
    assert find_surgery("01", tmp_path, [root], Path("T1w.nii"), []).mask is None
    for name in (
        "label-resection_roi",
        "desc-Resection2_mask",
        "resection",
        "resectionCavity_mask",
        "label-resected_mask",
        "desc-autoResection_mask",
        "desc-resected_label-planum_mask",
        "space-preresection_desc-resection_mask",
        "label-cavity_mask",
        "desc-ablation_mask",
    ):
        path = add(tmp_path, f"d/sub-01/anat/sub-01_{name}.nii.gz")
        assert find_surgery("01", tmp_path, [root, root], Path("T1w.nii"), []).mask == path
        path.unlink()


def test_a_mask_named_resection_goes_before_others_of_operations(tmp_path):
    root = tmp_path / "d"
    cavity, resection = (
        add(tmp_path, f"d/sub-01/anat/sub-01_label-{name}_mask.nii.gz")
        for name in ("cavity", "resection")
    )
    assert find_surgery("01", tmp_path, [root], Path("T1w.nii"), []).mask == resection
    resection.unlink()
    assert find_surgery("01", tmp_path, [root], Path("T1w.nii"), []).mask == cavity
    add(tmp_path, "d/sub-01/anat/sub-01_label-ablation_mask.nii.gz")
    found = find_surgery("01", tmp_path, [root], Path("T1w.nii"), [])
    assert found.mask is None and "2 resection masks were found" in found.no_mask


def outcome(folder, *ids, participants=("sub-01",), header="participant_id\toutcome"):
    rows = [f"{name}\tEngel {i}" for i, name in enumerate(ids, 1)]
    (folder / "participants.tsv").write_text("\n".join([header, *rows]) + "\n")
    for name in participants:
        (folder / name).mkdir(exist_ok=True)
    notes = []
    return find_outcome(folder, "01", notes), notes


@pytest.mark.parametrize("name", ["sub-01", "01", " sub-01", "SUB-01", "1", "sub-1"])
def test_the_outcome_of_a_participant_in_any_spelling(tmp_path, name):
    assert outcome(tmp_path, "sub-02", name) == ("outcome: Engel 2", [])


def test_the_outcome_is_never_another_participants(tmp_path):
    assert outcome(tmp_path, "sub-1", "sub-01")[0] == "outcome: Engel 2"
    told, notes = outcome(tmp_path, "sub-1", participants=("sub-01", "sub-1"))
    assert told is None
    assert notes == ["participants.tsv has no row of sub-01: the outcome is not known."]


def test_an_outcome_that_cannot_be_joined_is_told(tmp_path):
    told, notes = outcome(tmp_path, "sub-01", "01")
    assert told is None and "2 rows of sub-01" in notes[0]
    # Where the table holds no outcome, nothing is missing.
    assert outcome(tmp_path, "sub-02", header="participant_id\tage") == (None, [])


def test_names_of_images_with_contrast_agent():
    told = {"ce-gadolinium", "acq-CE", "acq-postGd", "acq-mprageGad", "acq-gdpost", "rec-contrast"}
    other = {
        "ce-none",
        "acq-noGd",
        "acq-precontrast",
        "acq-post",
        "acq-space",
        "ses-gdansk",
        "run-1",
    }
    for name in told | other:
        assert has_contrast(Path(f"sub-gad_{name}_T1w.nii.gz")) is (name in told), name
