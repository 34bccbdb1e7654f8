"""Which space contacts are in: template names, coordsystem files, images that are named."""

import json
from pathlib import Path

import numpy as np
import pytest
from contact_files import NAMES, POS_MM, T1W, resolve, spherical_scalp
from mne_bids.config import (
    BIDS_SHARED_COORDINATE_FRAMES,
    BIDS_STANDARD_TEMPLATE_COORDINATE_SYSTEMS,
)

from bids_app.clinical import find_ieeg
from pipeline.compare.frames import MNI152, MNI305, Frame, frame_of
from pipeline.compare.placing import Carried

IN_MNI305 = {"MNI305", "fsaverage", "fsaverageSym", "fsaveragesym"}
IN_MNI305 |= {f"fsaverage{n}" for n in "3456"}
IN_MNI152 = {"MNI152Lin", "MNI152NLin6Sym", "MNI152NLin6ASym", "IXI549Space"}
IN_MNI152 |= {f"MNI152NLin2009{version}{half}" for version in "abc" for half in ("Sym", "Asym")}
REFUSED = {
    "ICBM452AirSpace": "452 brains",
    "ICBM452Warp5Space": "452 brains",
    "MNIColin27": "one person",
    "NIHPD": "children",
    "OASIS30AntsOASISAnts": "30 heads",
    "OASIS30Atropos": "30 heads",
    "Talairach": "one brain",
    "fsLR": "surfaces",
} | {name: "infants" for name in BIDS_SHARED_COORDINATE_FRAMES if name.startswith("UNCInfant")}


def frame(system, images=(), unit="mm", t1w=T1W, **more):
    described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **more}
    return frame_of(described, t1w, list(images))


def test_every_template_name_of_bids_is_decided():
    named = {*BIDS_SHARED_COORDINATE_FRAMES, *BIDS_STANDARD_TEMPLATE_COORDINATE_SYSTEMS} - {"Other"}
    assert named == IN_MNI305 | IN_MNI152 | set(REFUSED)


@pytest.mark.parametrize(
    ("names", "kind"), [(IN_MNI305, MNI305), (IN_MNI152, MNI152)], ids=["MNI305", "MNI152"]
)
def test_variants_of_mni305_and_mni152_are_used_in_any_spelling(names, kind):
    for name in sorted(names):
        for spelt in (name, name.lower(), name.upper(), f" {name}", name.replace("152", " 152-")):
            assert frame(spelt) == Frame(spelt, kind)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_other_templates_are_refused_by_name_with_the_true_reason(name):
    reason = frame(name)
    assert name in reason and REFUSED[name] in reason and "no transform" in reason


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("MNI", "which MNI template"),
        ("fsnative", "origin is not stated"),
        ("Pixels", "places in a picture"),
        ("CTF", "no transform"),
        ("n/a", "no system"),
        (["ScanRAS"], "which is no name"),
        (7, "which is no name"),
    ],
)
def test_what_is_no_template_either(name, why):
    assert why in frame(name)


ONLY = Path("anat/sub-01_ses-a_rec-norm_T1w.nii.gz")


@pytest.mark.parametrize(
    "named",
    [
        "sub-01_ses-a_proc-norm_T1w.nii.gz",
        "sub-01_ses-a_rec-other_T1w.nii.gz",
        "sub-01_ses-a_T1w.nii.gz",
        "sub-01_ses-a_rec-norm_run-1_T1w.nii.gz",
        "sub-01_rec-norm_T1w.nii.gz",
    ],
)
def test_the_only_image_of_its_kind_stands_for_one_that_differs_in_one_entity(named):
    found = frame("ScanRAS", t1w=ONLY, IntendedFor=f"bids::sub-01/ses-a/anat/{named}")
    assert found.kind == "T1w"
    assert named in found.doubts[0].text and ONLY.name in found.doubts[0].text


@pytest.mark.parametrize(
    ("named", "images"),
    [
        ("sub-01_ses-a_acq-x_proc-norm_T1w.nii.gz", []),
        ("sub-01_ses-b_rec-norm_T1w.nii.gz", []),
        ("sub-02_ses-a_rec-norm_T1w.nii.gz", []),
        ("sub-01_ses-a_rec-norm_T2w.nii.gz", []),
        ("sub-01_ses-a_rec-norm_acq-postop_T1w.nii.gz", []),
        ("sub-01_ses-a_rec-norm_acq-postimp_T1w.nii.gz", []),
        ("sub-01_ses-a_rec-norm_space-MNI152Lin_T1w.nii.gz", []),
        ("sub-01_ses-a_proc-norm_T1w.nii.gz", [Path("sub-01_ses-a_rec-raw_T1w.nii.gz")]),
    ],
    ids=["two", "session", "subject", "kind", "operated", "implanted", "space", "two images"],
)
def test_no_other_image_stands_for_a_missing_one(named, images):
    reason = frame("ScanRAS", images, t1w=ONLY, IntendedFor=[named])
    assert named in reason and "cannot be found" in reason


def test_an_image_is_the_same_compressed_or_not():
    t1w = Path("anat/sub-01_T1w.nii")
    acpc = frame("ACPC", t1w=t1w, IntendedFor="sub-01/anat/sub-01_T1w.nii.gz")
    assert acpc.kind == "T1w" and "unless that image was aligned to ACPC" in acpc.doubts[0].text


@pytest.mark.parametrize("intended", [5, {"T1w": "x.nii"}, [["x.nii"]], [5]])
def test_intended_for_of_another_type_is_a_sentence(intended):
    assert "which names no file" in frame("ScanRAS", IntendedFor=intended)


def test_other_images_of_a_missing_ones_kind_are_found(tmp_path):
    folder = tmp_path / "sub-01"
    for name in ("anat/sub-01_acq-a_T1w.nii.gz", "anat/._sub-01_T1w.nii.gz", "anat/sub-01_T2w.nii"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "ieeg").mkdir()
    (folder / "ieeg/sub-01_electrodes.tsv").write_text("")
    system = folder / "ieeg/sub-01_coordsystem.json"
    system.write_text(json.dumps({"IntendedFor": "sub-01/anat/sub-01_acq-b_T1w.nii.gz"}))
    found = find_ieeg(folder, [], [])
    assert [path.name for path in found.images] == ["sub-01_acq-a_T1w.nii.gz"]


def write(folder, electrodes, systems):
    """Each electrodes.tsv with the contacts of the tests; each coordsystem.json with its space."""
    files = []
    for name in electrodes:
        files.append(folder / f"{name}_electrodes.tsv")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        rows = ["\t".join(map(str, (n, *xyz))) for n, xyz in zip(NAMES, POS_MM, strict=True)]
        files[-1].write_text("name\tx\ty\tz\n" + "\n".join(rows) + "\n")
    described = []
    for name, space in systems.items():
        described.append(folder / f"{name}coordsystem.json")
        described[-1].parent.mkdir(parents=True, exist_ok=True)
        content = {"iEEGCoordinateUnits": "mm"} | ({"iEEGCoordinateSystem": space} if space else {})
        described[-1].write_text(json.dumps(content))
    return files, described


def in_any_space(_):
    return Carried(lambda pos_mm: pos_mm, "as given")


MNI = "MNI152NLin2009aSym"


def spaces_of(folder, electrodes, systems):
    files, described = write(folder, electrodes, systems)
    found = resolve(files, [], described, spherical_scalp(), carry=in_any_space)
    return [each.space for each in found.transforms], found


def test_electrodes_with_acq_are_described_by_the_file_of_their_space(tmp_path):
    electrodes = [f"sub-01_acq-seeg_space-{space}" for space in ("ScanRAS", MNI)]
    systems = {f"sub-01_space-{space}_": space for space in ("ScanRAS", MNI)}
    spaces, found = spaces_of(tmp_path, electrodes, systems)
    assert spaces == ["ScanRAS"] and found.warnings == []
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    for space in ("ScanRAS", MNI):
        spaces, _ = spaces_of(tmp_path, [f"sub-01_acq-seeg_run-02_space-{space}"], systems)
        assert spaces == [space]


@pytest.mark.parametrize(
    ("electrodes", "systems", "space"),
    [
        # The dataset's root, a session's folder, and the more specific of two.
        ("sub-01/ieeg/sub-01_space-ScanRAS", {"space-ScanRAS_": "ScanRAS"}, "ScanRAS"),
        ("sub-01/ieeg/sub-01", {"": "fsaverage", "sub-01/ieeg/sub-01_": "ScanRAS"}, "ScanRAS"),
        ("sub-01_acq-a_run-1", {"sub-01_acq-a_": "ScanRAS", "sub-01_": "Talairach"}, "ScanRAS"),
        ("sub-01_run-01", {"sub-01_run-1_": "ScanRAS", "sub-01_run-2_": "Talairach"}, "ScanRAS"),
        ("sub-01_space-scanras", {"sub-01_space-ScanRAS_": "ScanRAS"}, "ScanRAS"),
        (
            "sub-01/ses-a/ieeg/sub-01_ses-a_acq-x_space-ScanRAS",
            {
                "": "fsaverage",
                "sub-01/sub-01_space-ScanRAS_": "ScanRAS",
                "sub-01/sub-01_space-fsaverage_": "fsaverage",
                "sub-01/ses-b/sub-01_ses-b_space-ScanRAS_": "fsaverage",
            },
            "ScanRAS",
        ),
        ("sub-01/ses-a/ieeg/sub-01_ses-a", {"sub-01/ses-a/sub-01_ses-a_": "ScanRAS"}, "ScanRAS"),
        ("sub-01/ieeg/sub-01", {"sub-01/sub-01_space-ScanRAS_": "ScanRAS"}, "ScanRAS"),
        # What names the table's space, before what names its acquisition.
        (
            "sub-01_acq-a_space-ScanRAS",
            {"sub-01_acq-a_": "fsaverage", "sub-01_space-ScanRAS_": "ScanRAS"},
            "ScanRAS",
        ),
        # The nearest, though it says more than the one that applies to all.
        (
            "sub-01/ieeg/sub-01",
            {"": "fsaverage", "sub-01/ieeg/sub-01_acq-x_": "ScanRAS"},
            "ScanRAS",
        ),
        # The only one beside it, though more is said in its name.
        ("sub-01", {"sub-01_space-ScanRAS_": "ScanRAS"}, "ScanRAS"),
        # The name of the table, or its own, says what the file does not.
        ("sub-01", {f"sub-01_space-{MNI}_": None}, MNI),
        (f"sub-01_space-{MNI}", {"sub-01_": None}, MNI),
    ],
)
def test_the_description_is_found_by_inheritance(tmp_path, electrodes, systems, space):
    spaces, found = spaces_of(tmp_path, [electrodes], systems)
    assert spaces == [space]
    assert found.warnings == []


@pytest.mark.parametrize(
    ("electrodes", "systems", "reason"),
    [
        (f"sub-01_space-{MNI}", {"sub-01_space-ScanRAS_": "ScanRAS"}, "no coordsystem.json of its"),
        (
            f"sub-01_space-{MNI}",
            {"sub-01_": "ScanRAS"},
            f"in {MNI} space, but described as in Scan",
        ),
        ("sub-01", {"sub-01_acq-a_": "ScanRAS", "sub-01_acq-b_": "ScanRAS"}, "each of"),
        ("sub-01", {"elsewhere/sub-01_": "ScanRAS"}, "no coordsystem.json"),
        (
            "sub-01",
            {f"sub-01_space-{MNI}_": "ScanRAS"},
            f"in {MNI} space, but described as in Scan",
        ),
        ("sub-01", {f"sub-01_space-{space}_": space for space in ("ScanRAS", MNI)}, "each of"),
        (
            "sub-01/ieeg/sub-01_run-1",
            {f"sub-01/ieeg/sub-01_run-{run}_space-ScanRAS_": "ScanRAS" for run in (2, 3)},
            "each of",
        ),
    ],
)
def test_a_description_of_something_else_is_not_taken(tmp_path, electrodes, systems, reason):
    spaces, found = spaces_of(tmp_path, [electrodes], systems)
    assert spaces == [] and reason in found.reason


def test_the_only_description_of_the_space_is_taken_with_a_word(tmp_path):
    spaces, found = spaces_of(tmp_path, ["sub-01_acq-a"], {"sub-01_acq-b_": "ScanRAS"})
    assert spaces == ["ScanRAS"]
    assert any("they differ in acq" in text for text in found.warnings)


@pytest.mark.parametrize(
    ("own", "above", "told"),
    [
        ({"iEEGCoordinateSystem": "ScanRAS"}, {"iEEGCoordinateUnits": "mm"}, "ScanRAS"),
        ({"iEEGCoordinateUnits": "mm"}, {"iEEGCoordinateSystem": "ScanRAS"}, "ScanRAS"),
        (
            {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"},
            {"iEEGCoordinateSystem": "fsaverage", "iEEGCoordinateUnits": "m"},
            "ScanRAS",
        ),
        # The unit of another space is not this one's.
        (
            {"iEEGCoordinateSystem": "ScanRAS"},
            {"iEEGCoordinateSystem": "fsaverage", "iEEGCoordinateUnits": "mm"},
            "the coordinates' unit is 'n/a'",
        ),
    ],
)
def test_system_and_unit_may_be_said_in_two_places(tmp_path, own, above, told):
    files, described = write(tmp_path, ["sub-01/ieeg/sub-01"], {"": "", "sub-01/ieeg/sub-01_": ""})
    for path, content in zip(described, (above, own), strict=True):
        path.write_text(json.dumps(content))
    found = resolve(files, [], described, spherical_scalp(), carry=in_any_space)
    assert [each.space for each in found.transforms] == [told] or told in found.reason


@pytest.mark.parametrize("place", ["ieeg/", "", "../"])
@pytest.mark.parametrize("spaces", [("ScanRAS", MNI), ("ScanRAS",)])
def test_two_spaces_and_an_acq_that_their_descriptions_do_not_repeat(tmp_path, spaces, place):
    folder = tmp_path / "sub-01"
    prefix = "" if place == "../" else "sub-01_"
    electrodes = [f"ieeg/sub-01_acq-seeg_space-{space}" for space in spaces]
    write(folder, electrodes, {f"{place}{prefix}space-{space}_": space for space in spaces})
    ieeg = find_ieeg(folder, [], [])
    found = resolve(ieeg.electrodes, [], ieeg.coordsystem, spherical_scalp(), carry=in_any_space)
    assert [each.space for each in found.transforms] == ["ScanRAS"]
    assert found.warnings == found.doubts == []
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
