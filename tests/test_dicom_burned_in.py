"""The T1w with the source burned in: every voxel where the T1w has it, untouched but for the source."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_series import write_series

from reports import dicom
from reports.dicom.burned_in import as_stored, burn_in, burned_in_series

AFFINE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.2, -0.1, 0.3) @ np.diag([1.2, 0.9, 1.1]), [-20.0, -15.0, 30.0]
)
SHAPE = (24, 26, 22)
MAX_VOXEL = (12, 14, 11)
MAX_PLACE = (12.1, 14.2, 11.05)  # off the grid: no voxel lies on an edge of what is burned in


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A head in scanner coordinates, its DICOM series, and the same with a source burned in."""
    folder = tmp_path_factory.mktemp("burned")
    rng = np.random.default_rng(1)
    t1w = rng.integers(1, 1000, SHAPE).astype(np.int16)
    image = nib.Nifti1Image(t1w, AFFINE)
    image.set_qform(AFFINE, 1)
    nib.save(image, folder / "t1w.nii.gz")
    series = write_series(folder / "t1w.nii.gz", folder / "archive", ScanningSequence="GR")
    template = dicom.read_template(folder / "archive", folder / "t1w.nii.gz")
    extent = np.zeros(SHAPE, bool)
    extent[3:6, 4, 5] = True
    max_mm = nib.affines.apply_affine(AFFINE, MAX_PLACE)
    images = burned_in_series(t1w, AFFINE, extent, max_mm, template, "personalized", "type 2")
    files = []
    for number, one in enumerate(images):
        files.append(folder / f"{number}.dcm")
        one.save_as(files[-1], enforce_file_format=True)
    return t1w, extent, [pydicom.dcmread(file) for file in files], series


def voxel_values(images) -> dict[tuple, int]:
    """Value by voxel of the T1w, from each image's own position, orientation and spacing alone."""
    found = {}
    lps_to_voxel = np.linalg.inv(np.diag([-1.0, -1, 1, 1]) @ AFFINE)
    for image in images:
        rows, columns = np.indices((image.Rows, image.Columns)).reshape(2, -1)
        # PS3.3 C.7.6.2.1.1: the first three cosines are of the row, along which columns count up.
        cosines = np.array(image.ImageOrientationPatient, float)
        between_rows, between_columns = map(float, image.PixelSpacing)
        place_mm = (
            np.array(image.ImagePositionPatient, float)
            + np.outer(columns * between_columns, cosines[:3])
            + np.outer(rows * between_rows, cosines[3:])
        )
        voxel = nib.affines.apply_affine(lps_to_voxel, place_mm)
        assert np.abs(voxel - np.rint(voxel)).max() < 1e-3
        keys = map(tuple, np.rint(voxel).astype(int).tolist())
        found |= dict(zip(keys, image.pixel_array.ravel().tolist(), strict=True))
    return found


def test_every_voxel_lies_where_the_t1w_has_it_and_only_the_source_is_changed(made):
    t1w, extent, images, _ = made
    found = voxel_values(images)
    assert len(found) == t1w.size
    burned = np.array([found[voxel] for voxel in np.ndindex(SHAPE)]).reshape(SHAPE)
    offset_mm = (np.indices(SHAPE).reshape(3, -1).T - MAX_PLACE) @ AFFINE[:3, :3].T
    from_max_mm = np.linalg.norm(offset_mm, axis=1).reshape(SHAPE)
    touched = extent | (from_max_mm <= 4.5)
    assert (burned[~touched] == t1w[~touched]).all()
    brightest = t1w.max()
    assert (burned[from_max_mm <= 3] == np.ceil(1.5 * brightest)).all()
    assert burned[MAX_VOXEL] == burned.max()
    assert (burned[(from_max_mm > 3) & (from_max_mm <= 4.5)] == t1w.min()).all()
    assert (burned[extent] == np.ceil(1.25 * brightest)).all()
    assert (burned > brightest).sum() == extent.sum() + (from_max_mm <= 3).sum()


def test_slices_are_one_new_series_in_the_frame_of_the_t1w(made):
    _, _, images, series = made
    given = [pydicom.dcmread(file) for file in series]
    (uid,) = {image.SeriesInstanceUID for image in images}
    assert uid != given[0].SeriesInstanceUID
    assert {image.FrameOfReferenceUID for image in images} == {given[0].FrameOfReferenceUID}
    assert len({image.SOPInstanceUID for image in images}) == len(images) == len(given)
    assert [image.InstanceNumber for image in images] == list(range(1, len(images) + 1))
    steps = np.diff([np.array(image.ImagePositionPatient, float) for image in images], axis=0)
    assert np.linalg.norm(steps, axis=1) == pytest.approx(float(images[0].SliceThickness), abs=1e-4)


def test_each_slice_names_the_image_that_it_was_made_from(made):
    _, _, images, series = made
    place = {
        one.SOPInstanceUID: np.array(one.ImagePositionPatient, float)
        for one in map(pydicom.dcmread, series)
    }
    for image in images:
        (source,) = image.SourceImageSequence
        apart = place[source.ReferencedSOPInstanceUID] - np.array(image.ImagePositionPatient, float)
        assert np.linalg.norm(apart) < 0.01


def test_headers_say_what_is_burned_in_and_that_it_is_for_research(made):
    image = made[2][0]
    assert image.SeriesDescription == "Research use only: T1w, spike source burned in, type 2"
    assert image.ImageType == ["DERIVED", "SECONDARY", "OTHER"]
    assert "personalized, type 2" in image.DerivationDescription
    assert "not for diagnosis" in image.DerivationDescription
    assert image.DerivationDescription.endswith("All other voxels have the T1w's values.")
    # No text that tells who the patient is; the whole head is there.
    assert (image.BurnedInAnnotation, image.RecognizableVisualFeatures) == ("NO", "YES")
    assert image.PatientID == "H-4711-0815" and image.Modality == "MR"
    assert image.ScanningSequence == "GR", "as the template was measured"


def test_what_is_burned_in_is_shown_white_and_bright_tissue_grey(made):
    t1w, _, images, _ = made
    low = float(images[0].WindowCenter) - float(images[0].WindowWidth) / 2
    shown = (np.array([np.percentile(t1w, 99), 1.25 * t1w.max()]) - low) / float(
        images[0].WindowWidth
    )
    assert (
        low == pytest.approx(0, abs=1e-6)
        and shown[0] == pytest.approx(0.7, abs=0.01)
        and shown[1] > 0.85
    )


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1000.0, 0.0, 3000.0]),  # shifted: no sign is stored
        np.array([0.0, 0.25, 1.0]),  # not whole numbers
        np.array([0.0, 1.0, 60000.0]),  # no room above
        np.array([np.nan, 2.0, 5.5]),
    ],
)
def test_other_images_are_scaled_within_half_a_step(values):
    stored = as_stored(values)
    back = stored.pixels * stored.slope + stored.intercept
    expected = np.nan_to_num(values, nan=np.nanmin(values))
    assert np.abs(back - expected).max() <= stored.slope / 2 * 1.001
    assert np.ceil(1.5 * stored.pixels.max()) <= 65535
    assert stored.slope > 0 and f"{stored.slope:.6g} times the pixel" in stored.told


def test_whole_numbers_stay_as_they_are():
    stored = as_stored(np.array([0, 7, 4095], np.int16))
    assert stored.pixels.tolist() == [0, 7, 4095] and (stored.slope, stored.intercept) == (1, 0)


def test_a_maximum_at_the_edge_is_burned_in_as_far_as_the_image_reaches():
    pixels = np.full((5, 5, 5), 100, np.uint16)
    burned = burn_in(pixels, np.eye(4), np.zeros(pixels.shape, bool), np.array([-1.0, 2.0, 2.0]))
    assert burned[0, 2, 2] == 150 and burned[2, 2, 2] == 150 and burned[3, 2, 2] == 100
    assert (pixels == 100).all(), "the T1w itself is not changed"
