"""What file names and coordsystem files say, in short."""

from pathlib import Path

import pytest

from pipeline.compare.frames import (
    IMAGE,
    MNI152,
    MNI305,
    RANK,
    T1W,
    file_names,
    frame_of,
    intended_names,
    is_ct,
    operation_labels,
    same_space,
    suffix_of,
)

ANAT = Path("sub-01_T1w.nii.gz")


def frame(system="ScanRAS", images=(), unit="mm", **more):
    described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **more}
    return frame_of(described, ANAT, [Path(name) for name in images])


def test_what_is_measured_comes_before_templates():
    assert RANK[T1W] < RANK[IMAGE] < RANK[MNI305] == RANK[MNI152]


def test_long_nonsense_is_cut_after_forty_characters():
    nonsense = "x" * 50
    assert frame(unit=nonsense).count("x") == 40
    assert frame(system=[nonsense]).count("x") == 40 - len("['")
    assert frame(IntendedFor={"a": nonsense}).count("x") == 40 - len("{'a': '")


def test_the_reason_of_an_unknown_space_is_told_where_there_is_one():
    assert frame("fsLR").count("(a template of surfaces)") == 1
    assert "(" not in frame("Moon")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("anat/sub-01_CT.nii.gz", True),
        ("ct/sub-01_bone.nii.gz", True),
        ("anat/sub-01_ct.json", True),
        ("anat/sub-01_T1w.ct.nii", False),
    ],
)
def test_a_ct_is_named_so_by_file_or_folder(path, expected):
    assert is_ct(Path(path)) is expected


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("sub-01_ses-postop_T1w", ("postop",)),
        ("sub-01_acq-post_T1w", ("post",)),
        ("sub-01_ses-post_acq-post_T1w", ("post", "post")),
        ("sub-01_ses-pre_acq-post_T1w", ()),
        ("sub-01_ce-gad_acq-post_T1w", ()),
        ("sub-01_ce-none_acq-post_T1w", ("post",)),
        ("sub-01_ses-post_ce-gad_T1w", ("post",)),
        ("sub-01_ses-post_ce-gad_acq-postop_T1w", ("post", "postop")),
        ("sub-01_ses-pre_acq-postop_T1w", ("postop",)),
        ("sub-01_ses-postimplant_T1w", ()),
        ("sub-01_acq-nocontrast_desc-post_T1w", ("post",)),
        ("sub-01_rec-contrast_desc-post_T1w", ()),
    ],
)
def test_what_a_name_says_of_an_operation(name, labels):
    assert operation_labels(Path(f"{name}.nii.gz")) == labels


def test_names_are_taken_from_texts_lists_and_objects():
    assert file_names({"a": "x/one.nii", "b": 3}) == ["one.nii"]
    assert file_names("bids::sub-01\\anat\\two.nii ") == ["two.nii"]
    assert intended_names({"IntendedFor": ["a/x.nii.gz", "y.jpg", None]}) == ["x.nii.gz"]
    assert suffix_of("sub-01_run-2_T1w.nii.gz") == "T1w"


@pytest.mark.parametrize(
    ("named", "there", "is_taken"),
    [
        ("sub-01_acq-a_ct.nii.gz", ["sub-01_ct.nii.gz"], True),
        ("sub-01_acq-a_ct.nii.gz", ["sub-01_acq-b_ct.nii.gz"], True),
        ("sub-01_acq-a_run-1_ct.nii.gz", ["sub-01_acq-b_run-2_ct.nii.gz"], False),
        ("sub-01_acq-a_ct.nii.gz", ["sub-01_ct.nii.gz", "sub-01_run-2_ct.nii.gz"], False),
        ("sub-01_ses-1_ct.nii.gz", ["sub-01_ses-2_ct.nii.gz"], False),
        ("sub-01_acq-postop_ct.nii.gz", ["sub-01_ct.nii.gz"], False),
    ],
)
def test_the_only_image_of_the_kind_stands_for_a_missing_one(named, there, is_taken):
    found = frame("ScanRAS", there, IntendedFor=f"sub-01/{named}")
    if is_taken:
        assert found.image == Path(there[0]) and named in found.doubts[0].text
    else:
        assert "cannot be found" in found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("MNI305", "fsaverage", True),
        ("MNI305", "MNI152Lin", False),
        ("ScanRAS", "individual", True),
        ("ScanRAS", "MNI305", False),
        ("ScanRAS", "Moon", None),
    ],
)
def test_two_names_of_one_space(first, second, expected):
    assert same_space(first, second) is expected
