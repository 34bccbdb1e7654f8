"""Contacts in FreeSurfer's tkRAS or in LPS that are declared as scanner RAS, without a word of it."""

import json

import nibabel as nib
import numpy as np
import pytest
from contact_files import in_t1w, spherical_scalp

from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.images import middle_of
from pipeline.compare.labels import ContactLabels

SHAPE = (40, 50, 60)
FROM_RIGHT_BACK = np.array([[0, 0, -4.0, 0], [4, 0, 0, 0], [0, 4, 0, 0], [0, 0, 0, 1]])


def t1w_with_middle(folder, middle_mm):
    affine = FROM_RIGHT_BACK.copy()
    affine[:3, 3] = middle_mm - affine[:3, :3] @ np.array(SHAPE) / 2
    path = folder / "sub-01_T1w.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.uint8), affine), path)
    return path


def in_the_brain(n):
    """Frontal contacts from 20 to 75 mm from the middle of a head of 90 mm."""
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((n, 3))
    direction[:, 1] = np.abs(direction[:, 1])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.array([0, -20, 10]) + rng.uniform(20, 75, (n, 1)) * direction


def doubts(folder, middle_mm, stated_mm, **described):
    rows = [f"A{i}\t{x:.2f}\t{y:.2f}\t{z:.2f}" for i, (x, y, z) in enumerate(stated_mm)]
    table = folder / "sub-01_electrodes.tsv"
    table.write_text("\n".join(["name\tx\ty\tz", *rows]))
    system = folder / "sub-01_coordsystem.json"
    said = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"} | described
    system.write_text(json.dumps(said))
    t1w = t1w_with_middle(folder, middle_mm)
    labels = ContactLabels()
    found = resolve_contacts([table], [], [system], t1w, [], labels, in_t1w, spherical_scalp())
    told = [doubt for doubt in found.doubts if "tkRAS" in doubt.text or "LPS" in doubt.text]
    return told, found


def test_the_middle_of_an_image_is_where_freesurfer_has_its_origin(tmp_path):
    middle_mm = middle_of(t1w_with_middle(tmp_path, [3.0, -30, 20]))
    assert middle_mm == pytest.approx([3, -30, 20])
    image = nib.MGHImage(np.zeros(SHAPE, np.uint8), nib.load(tmp_path / "sub-01_T1w.nii.gz").affine)
    assert middle_mm == pytest.approx(image.header["Pxyz_c"])


@pytest.mark.parametrize(
    ("middle_mm", "n", "is_tkras", "told"),
    [
        ([3.0, -30, 20], 40, True, True),
        ([3.0, -30, 20], 40, False, False),
        ([0.0, -2, 3], 40, True, False),
        ([3.0, -30, 20], 8, True, False),
    ],
    ids=["tkRAS", "as declared", "the same within 5 mm", "too few"],
)
def test_contacts_that_fit_the_head_as_tkras_alone_are_a_grave_doubt(
    tmp_path, middle_mm, n, is_tkras, told
):
    places_mm = in_the_brain(n)
    stated_mm = places_mm - middle_mm if is_tkras else places_mm
    found, resolution = doubts(tmp_path, middle_mm, stated_mm)
    assert all(doubt.grave for doubt in found)
    shifted = "100% would: all contacts may be shifted by 36 mm"
    assert any(shifted in doubt.text for doubt in found) == told == bool(found)
    if told:
        # They are told, not moved.
        assert resolution.contacts.pos_mri_mm[0] == pytest.approx(stated_mm[0], abs=0.01)


@pytest.mark.parametrize(("n", "told"), [(40, True), (8, False)])
def test_contacts_that_fit_the_head_in_lps_alone_are_a_grave_doubt(tmp_path, n, told):
    """The middle of this head lies 20 mm behind the origin: what is far behind comes out of it in front."""
    occipital_mm = in_the_brain(n) * [1, -1, 1] + [0, -40, 0]
    stated_mm = occipital_mm * [-1, -1, 1]
    found, resolution = doubts(tmp_path, [0.0, -2, 3], stated_mm)
    assert doubts(tmp_path, [0.0, -2, 3], occipital_mm)[0] == []
    assert [doubt.grave for doubt in found] == [True] * told
    assert all("in LPS, 100% would: left and right may be exchanged" in d.text for d in found)
    if told:
        assert resolution.contacts.pos_mri_mm[0] == pytest.approx(stated_mm[0], abs=0.01)


def test_where_words_say_so_it_is_told_once(tmp_path):
    stated_mm = in_the_brain(40) - [3, -30, 20]
    said = {"iEEGCoordinateSystemDescription": "tkRAS"}
    (doubt,) = doubts(tmp_path, [3, -30, 20], stated_mm, **said)[0]
    assert "speaks of 'tkRAS'" in doubt.text
