"""Which frame a coordsystem file means."""

from pathlib import Path

import pytest
from contact_files import T1W

from pipeline.compare.frames import frame_of

CT, OTHER_T1W = Path("ct/sub-01_ct.nii.gz"), Path("anat/sub-01_acq-acpc_T1w.nii.gz")


def frame(system, images=(), unit="mm", **more):
    described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **more}
    return frame_of(described, T1W, list(images))


@pytest.mark.parametrize(
    ("system", "kind"),
    [
        ("ScanRAS", "T1w"),
        ("individual", "T1w"),
        ("fsaverage", "MNI305"),
        ("fsaverage5", "MNI305"),
        ("MNI305", "MNI305"),
        ("MNI152Lin", "MNI152"),
        ("MNI152NLin6ASym", "MNI152"),
        ("MNI152NLin6Sym", "MNI152"),
        ("MNI152NLin2009aSym", "MNI152"),
        ("MNI152NLin2009cAsym", "MNI152"),
    ],
)
def test_every_name_that_bids_has_for_a_space_we_know(system, kind):
    assert frame(system).kind == kind


@pytest.mark.parametrize(
    "system",
    ["fsLR", "MNIColin27", "ICBM452AirSpace", "UNCInfant0V21"],
)
def test_other_templates_are_not_taken_for_one_we_know(system):
    assert "no transform" in frame(system)


def test_an_image_that_is_named_is_whose_axes_count():
    images = [CT, OTHER_T1W]
    named = frame("ScanRAS", images, IntendedFor=f"bids::sub-01/{CT}")
    assert (named.kind, named.image, named.warning) == ("image", CT, None)
    acpc = frame("ACPC", images, IntendedFor=[f"sub-01/{OTHER_T1W}"])
    assert acpc.image == OTHER_T1W and "ACPC" in acpc.warning
    assert frame("ScanRAS", images, IntendedFor="n/a").kind == "T1w"
    assert frame("ScanRAS", images, IntendedFor="sub-01/ieeg/sub-01_photo.jpg").kind == "T1w"
    assert "cannot be found" in frame("ScanRAS", [], IntendedFor=f"sub-01/{CT}")


def test_a_ct_is_meant_where_the_description_says_so_and_there_is_one():
    description = "electrodes located on the post-implantation CT"
    described = {"iEEGCoordinateSystemDescription": description}
    assert frame("Other", [CT, OTHER_T1W], **described).image == CT
    assert "names no image" in frame("Other", [OTHER_T1W], **described)
    assert "names no image" in frame("Other", [CT], iEEGCoordinateSystemDescription="exact")
    second = CT.with_name("sub-01_run-2_ct.nii.gz")
    assert "may refer to each of" in frame("Other", [CT, second], **described)
