"""The report as DICOM objects: what is in them, what stays out of everything else."""

import itertools
import json
import logging
import re
import shutil
from dataclasses import replace
from datetime import datetime

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_series import FILE_PREFIX, IDENTIFIERS, write_series
from pydicom.uid import generate_uid
from report_patient import write_report_patient

import reports
from bids_app.cli import main
from bids_app.stages import Task
from pipeline.errors import InvalidInput
from pipeline.files import read_npz
from pipeline.paths import PatientPaths
from reports import dicom
from reports.dicom import objects
from reports.dicom.geometry import RAS_TO_LPS, Frame, as_slices, off_grid_mm

METHOD = "personalized"
PDF = b"%PDF-1.7 odd\0\0"
SECRETS = re.compile(
    "|".join([*IDENTIFIERS.values(), "Müßig", "Änne", "Überweiser", "AENNE"]), re.IGNORECASE
)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_report_patient(tmp_path_factory.mktemp("hospital") / "out")
    patient.paths.report_pdf.write_bytes(PDF)
    return patient


@pytest.fixture(scope="module")
def series(patient, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive") / FILE_PREFIX
    write_series(patient.inputs.t1w, folder)
    return folder


@pytest.fixture(scope="module")
def template(patient, series):
    return dicom.read_template(series, patient.inputs.t1w)


@pytest.fixture(scope="module")
def files(patient, template):
    return {
        path.name.rsplit("_", 1)[1]: path
        for path in write(template, patient)
        if path.parent.name == "dicom"
    }


def write(template, patient) -> list:
    found = dicom.Finding(patient.paths, METHOD, np.zeros(3))
    return dicom.write(template, patient.paths, patient.inputs.t1w, [found], [], False)


def refusal(source, t1w) -> str:
    with pytest.raises(InvalidInput) as refused:
        dicom.read_template(source, t1w)
    assert not SECRETS.search(str(refused.value)), "a message must not tell who the patient is"
    return str(refused.value)


def test_template_is_read_whole(template, series):
    assert len(template.images) == len(list(series.iterdir()))
    assert template.warnings == []


@pytest.mark.parametrize("kind", ["document.dcm", "seg.dcm", "map.dcm"])
def test_objects_carry_the_templates_patient_and_study(files, series, kind):
    made = pydicom.dcmread(files[kind])
    given = pydicom.dcmread(next(series.iterdir()))
    for keyword in (*IDENTIFIERS, "StudyInstanceUID", "StudyDate", "StudyTime", "PatientSex"):
        assert str(made[keyword].value) == str(given[keyword].value), keyword
    assert made.SpecificCharacterSet == "ISO_IR 192"
    assert made.SeriesInstanceUID != given.SeriesInstanceUID
    assert "research use only" in made.SeriesDescription


@pytest.mark.parametrize(("shows_face", "told"), [(True, "YES"), (False, "NO")])
def test_pdf_says_whether_it_shows_a_face(template, shows_face, told):
    document = objects.encapsulated_pdf(PDF, template, datetime(2024, 3, 1, 12), shows_face)
    assert document.RecognizableVisualFeatures == told


@pytest.mark.parametrize("kind", ["document.dcm", "seg.dcm", "map.dcm"])
def test_source_and_defaced_report_show_no_face(files, kind):
    assert pydicom.dcmread(files[kind]).RecognizableVisualFeatures == "NO"


@pytest.mark.parametrize("pdf", [PDF, PDF + b"\0", b"%PDF-1.7 odd", b"%PDF-1.7 even"])
def test_pdf_comes_back_byte_by_byte(template, tmp_path, pdf):
    path = tmp_path / "report.dcm"
    document = objects.encapsulated_pdf(pdf, template, datetime(2024, 3, 1, 12), False)
    document.save_as(path, enforce_file_format=True)
    stored = pydicom.dcmread(path)
    assert stored.EncapsulatedDocument[: stored.EncapsulatedDocumentLength] == pdf
    assert len(stored.EncapsulatedDocument) % 2 == 0


def lps_values(volume: np.ndarray, affine_lps: np.ndarray) -> dict:
    """Value by position (0.01 mm), where it is not 0."""
    index = np.argwhere(volume)
    place = nib.affines.apply_affine(affine_lps, index)
    keys = map(tuple, np.rint(place * 100).astype(int))
    return dict(zip(keys, volume[tuple(index.T)], strict=True))


def test_extent_lies_where_the_source_does(files, patient):
    image = nib.load(patient.paths.volume(METHOD))
    sources = read_npz(patient.paths.sources(METHOD))
    extent = image.get_fdata() > float(sources["otsu_threshold"])
    stored = hd.seg.segread(files["seg.dcm"])
    volume = stored.get_volume(combine_segments=True)
    found = lps_values(volume.array, volume.affine)
    expected = lps_values(extent, RAS_TO_LPS @ image.affine)
    assert 0 < len(found) and found.keys() == expected.keys()
    assert volume.spatial_shape == (image.shape[0], image.shape[2], image.shape[1]), "sagittal"


def test_each_type_of_spikes_has_its_own_series(patient, template, tmp_path):
    shutil.copytree(patient.paths.output_dir, tmp_path / "out")
    first = PatientPaths(tmp_path / "out", patient.paths.label)
    second = first.of_type(2)
    shutil.copy(first.volume(METHOD), second.volume(METHOD))
    shutil.copy(first.sources(METHOD), second.sources(METHOD))
    found = [dicom.Finding(each, METHOD, np.full(3, 5.0)) for each in (first, second)]
    files = dicom.write(template, first, patient.inputs.t1w, found, [], False)
    slices = [path for path in files if path.parent.name.endswith("_T1w")]
    by_folder = {path.parent.name: pydicom.dcmread(path) for path in slices}
    assert {name: one.SeriesDescription.rsplit(", ", 1)[1] for name, one in by_folder.items()} == {
        "sub-01_space-T1w_desc-personalizedBurnedIn_T1w": "type 1",
        "sub-01_space-T1w_desc-personalizedType2BurnedIn_T1w": "type 2",
    }
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in slices}) == 2
    told = {pydicom.dcmread(p).SeriesDescription for p in files if p.name.endswith("_seg.dcm")}
    assert told == {
        f"Spike source, extent (personalized, type {n}), research use only" for n in (1, 2)
    }
    assert dicom.earlier_objects(first) == sorted(files), "or another run would leave some"


def test_map_holds_the_values(files, patient):
    image = nib.load(patient.paths.volume(METHOD))
    volume = hd.imread(files["map.dcm"]).get_volume(apply_real_world_transform=True)
    expected = lps_values(np.asarray(image.dataobj, float), RAS_TO_LPS @ image.affine)
    found = lps_values(volume.array, volume.affine)
    half_step = max(expected.values()) / 65535 / 2
    assert all(
        abs(found.get(place, 0.0) - value) <= 1.001 * half_step for place, value in expected.items()
    )
    assert found.keys() <= expected.keys()


def test_map_shares_the_frame_of_reference_and_names_its_sources(files, series):
    given = [pydicom.dcmread(path) for path in sorted(series.iterdir())]
    for kind in ("seg.dcm", "map.dcm"):
        made = pydicom.dcmread(files[kind])
        assert made.FrameOfReferenceUID == given[0].FrameOfReferenceUID
        referenced = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        assert {item.ReferencedSOPInstanceUID for item in referenced} == {
            one.SOPInstanceUID for one in given
        }


def test_one_file_of_the_series_is_enough(patient, series, files):
    one = dicom.read_template(sorted(series.iterdir())[20], patient.inputs.t1w)
    image = nib.load(patient.paths.volume(METHOD))
    extent = np.asarray(image.dataobj) > 0
    made = objects.segmentation(extent, image.affine, one, METHOD)
    assert made.NumberOfFrames == image.shape[0]


def test_multi_frame_template_gives_the_same_geometry(patient, series, template, tmp_path):
    slices = [pydicom.dcmread(path) for path in sorted(series.iterdir())]
    converted = hd.legacy.LegacyConvertedEnhancedMRImage(
        slices, generate_uid(), 4, generate_uid(), 1
    )
    converted.save_as(tmp_path / "enhanced.dcm")
    other = dicom.read_template(tmp_path / "enhanced.dcm", patient.inputs.t1w)
    image = nib.load(patient.inputs.t1w)
    ours, theirs = (
        as_slices(np.asarray(image.dataobj), image.affine, one.frame)[1]
        for one in (template, other)
    )
    np.testing.assert_allclose(np.abs(theirs[:3, :3]), np.abs(ours[:3, :3]), atol=1e-4)


def test_the_series_of_the_t1w_is_found_among_others(patient, tmp_path):
    image = nib.load(patient.inputs.t1w)
    coarse = nib.Nifti1Image(
        np.asarray(image.dataobj)[::3, ::3, ::3], image.affine @ np.diag([3, 3, 3, 1.0])
    )
    coarse.set_qform(coarse.affine, 1)
    nib.save(coarse, tmp_path / "localiser.nii.gz")
    write_series(tmp_path / "localiser.nii.gz", tmp_path / "study/1", SeriesDescription="localiser")
    wanted = write_series(patient.inputs.t1w, tmp_path / "study/2", every=8)
    (tmp_path / "study/README.TXT").write_text("not DICOM")
    found = dicom.read_template(tmp_path / "study", patient.inputs.t1w)
    assert {image.SOPInstanceUID for image in found.images} == {
        pydicom.dcmread(path).SOPInstanceUID for path in wanted
    }


def test_what_is_no_dicom_is_refused(patient, tmp_path):
    (tmp_path / f"{FILE_PREFIX}.dcm").write_bytes(b"no DICOM at all" * 100)
    t1w = patient.inputs.t1w
    assert "is no DICOM image" in refusal(tmp_path / f"{FILE_PREFIX}.dcm", t1w)
    assert "holds no DICOM image" in refusal(tmp_path, t1w)
    assert "does not exist" in refusal(tmp_path / FILE_PREFIX, t1w)


def test_unreadable_file_is_refused_without_its_name(patient, series, monkeypatch):
    def denied(file, **options):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(pydicom, "dcmread", denied)
    assert "cannot be read: Permission denied" in refusal(series, patient.inputs.t1w)


def test_several_patients_are_refused(patient, tmp_path):
    t1w = patient.inputs.t1w
    write_series(t1w, tmp_path / "a", every=40)
    write_series(t1w, tmp_path / "b", every=40, PatientID="H-2")
    assert "images of 2 patients" in refusal(tmp_path, t1w)
    for path in (tmp_path / "b").iterdir():
        path.unlink()
    write_series(t1w, tmp_path / "b", every=40, PatientBirthDate="19900101")
    assert "differ in PatientBirthDate" in refusal(tmp_path, t1w)


def test_nameless_images_are_refused(patient, tmp_path):
    write_series(patient.inputs.t1w, tmp_path, every=40, PatientID="", PatientName="")
    assert "names no patient" in refusal(tmp_path, patient.inputs.t1w)


@pytest.mark.parametrize("moved", ["half a voxel", "rotated", "far away"])
def test_another_grid_is_refused(patient, series, tmp_path, moved):
    image = nib.load(patient.inputs.t1w)
    affine = image.affine.copy()
    if moved == "half a voxel":
        affine[:3, 3] += affine[:3, :3] @ [0.5, 0, 0]
    elif moved == "rotated":
        turn = nib.eulerangles.euler2mat(0.02)
        affine[:3, :3] = turn @ affine[:3, :3]
    else:
        affine[:3, 3] += affine[:3, :3] @ [1000, 0, 0]
    t1w = nib.Nifti1Image(np.asarray(image.dataobj), affine)
    nib.save(t1w, tmp_path / "t1w.nii.gz")
    assert "does not lie on the grid" in refusal(series, tmp_path / "t1w.nii.gz")


def test_another_head_on_the_same_grid_is_refused(patient, series, tmp_path):
    image = nib.load(patient.inputs.t1w)
    other = nib.Nifti1Image(np.roll(np.asarray(image.dataobj), 8, axis=1), image.affine)
    nib.save(other, tmp_path / "t1w.nii.gz")
    assert "another head" in refusal(series, tmp_path / "t1w.nii.gz")


def test_a_cropped_defaced_and_corrected_t1w_is_recognised(patient, series, tmp_path):
    image = nib.load(patient.inputs.t1w)
    data = np.asarray(image.dataobj, np.float32)
    bias = np.linspace(0.8, 1.25, data.shape[1])[:, None]
    data = data * bias
    data[:, -data.shape[1] // 4 :, : data.shape[2] // 3] = 0
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [4, 6, 8]
    nib.save(nib.Nifti1Image(data[4:, 6:, 8:], affine), tmp_path / "t1w.nii.gz")
    assert dicom.read_template(series, tmp_path / "t1w.nii.gz").warnings == []


def test_unreadable_pixels_are_a_warning(patient, tmp_path):
    for path in write_series(patient.inputs.t1w, tmp_path, every=20):
        header = pydicom.dcmread(path)
        del header.PixelData
        header.save_as(path)
    warnings = dicom.read_template(tmp_path, patient.inputs.t1w).warnings
    assert len(warnings) == 1 and "could not be read" in warnings[0]


def test_the_libraries_say_nothing_about_odd_identifiers(patient, tmp_path, capfd, caplog, recwarn):
    logging.getLogger("pydicom").setLevel(logging.NOTSET)
    odd = {"PatientName": "MUESSIG AENNE", "AccessionNumber": "ACC90210-AENNE-TOO-LONG"}
    with pydicom.config.disable_value_validation():
        write_series(patient.inputs.t1w, tmp_path, every=20, **odd)
    caplog.clear()
    recwarn.clear()
    try:
        write(dicom.read_template(tmp_path, patient.inputs.t1w), patient)
    except InvalidInput as refused:
        assert not SECRETS.search(str(refused))
        assert refused.__cause__ is None and refused.__suppress_context__
    out, err = capfd.readouterr()
    told = " ".join([out, err, caplog.text, *(str(w.message) for w in recwarn)])
    assert not SECRETS.search(told)


def test_geometry_keeps_every_voxel_in_its_place():
    rng = np.random.default_rng(3)
    volume = np.arange(1.0, 61.0).reshape(3, 4, 5)
    turn = nib.eulerangles.euler2mat(0.3, -0.2, 0.5)
    frame = Frame(np.zeros(3), turn[:, 1], -turn[:, 2], (1.0, 1.0), (4, 4))
    for order in itertools.permutations(range(3)):
        signs = rng.choice([-1, 1], 3)
        affine = np.eye(4)
        affine[:3, :3] = (RAS_TO_LPS[:3, :3] @ turn)[:, list(order)] * signs * [1.0, 1.5, 2.0]
        affine[:3, 3] = rng.normal(0, 50, 3)
        slices, affine_lps = as_slices(volume, affine, frame)
        assert lps_values(slices, affine_lps) == lps_values(volume, RAS_TO_LPS @ affine)
        steps = affine_lps[:3, :3] / np.linalg.norm(affine_lps[:3, :3], axis=0)
        normal = np.cross(frame.along_row, frame.along_column)
        np.testing.assert_allclose(
            steps, np.stack([normal, frame.along_column, frame.along_row], 1), atol=1e-12
        )


def test_off_grid_distance_is_that_of_the_shift():
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    frame = Frame(np.array([-3.0, -4.0, 6.3]), *-np.eye(3)[:2], (1.0, 1.0), (4, 4))
    assert off_grid_mm(frame, affine) == pytest.approx(0.3)
    assert off_grid_mm(replace(frame, spacing_mm=(1.0, 0.5)), affine) == np.inf


def test_report_stage_writes_objects_and_leaks_nothing(rendered):
    files = [path for path in reports.writes(rendered.paths) if path.suffix == ".dcm"]
    slices = [path for path in files if path.parent.name.endswith("_T1w")]
    n_slices = nib.as_closest_canonical(nib.load(rendered.inputs.t1w)).shape[0]  # sagittal
    assert len(slices) == n_slices and len(files) == 4 + n_slices
    assert all(path.exists() for path in files)
    assert set(files) == set(dicom.earlier_objects(rendered.paths)), "or an identity would stay"
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    stored = pydicom.dcmread(files[0])
    pdf = rendered.paths.report_pdf.read_bytes()
    assert stored.EncapsulatedDocument[: stored.EncapsulatedDocumentLength] == pdf
    task = Task("report", rendered.inputs, reports.Config())
    hashes = task.input_hashes(rendered.paths)
    assert "DICOM template" in hashes
    without = Task("report", replace(rendered.inputs, dicom_template=None), reports.Config())
    assert without.key(without.input_hashes(rendered.paths)) != task.key(hashes)
    told = json.dumps([hashes, rendered.said]) + " ".join(
        str(path) for path in rendered.paths.output_dir.rglob("*")
    )
    for path in rendered.paths.output_dir.rglob("*"):
        if path.is_file() and path.suffix != ".dcm":
            told += path.read_bytes().decode("utf-8", "ignore")
    assert not SECRETS.search(told)


@pytest.fixture
def dataset(patient, tmp_path):
    bids = tmp_path / "bids"
    for label in ("01", "02"):
        (bids / f"sub-{label}/anat").mkdir(parents=True)
        (bids / f"sub-{label}/meg").mkdir()
        shutil.copy(patient.inputs.t1w, bids / f"sub-{label}/anat/sub-{label}_T1w.nii.gz")
        (bids / f"sub-{label}/meg/sub-{label}_task-rest_meg.fif").write_bytes(b"")
    (bids / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    return bids


def test_command_line_wants_one_participant_and_fails_before_the_first_stage(
    dataset, series, tmp_path, capsys
):
    arguments = [str(dataset), str(tmp_path / "out"), "participant", "--dicom-template"]
    assert main([*arguments, str(series)]) == 2
    assert "give one --participant-label" in capsys.readouterr().err
    one = ["--participant-label", "01"]
    assert main([*arguments, str(dataset / "dataset_description.json"), *one]) == 2
    assert "is no DICOM image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*arguments, str(series), *one, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert not SECRETS.search(said.out + said.err)
