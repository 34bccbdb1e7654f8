"""The image stage on the fake patient, with networks of random weights."""

import dataclasses
import shutil
from math import comb

import mne
import nibabel as nib
import numpy as np
import pytest
from fake_patient import write_fake_patient
from fake_results import write_models
from mne.proj import make_projector

from pipeline import image
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_npz, write_json, write_npz
from pipeline.image import outputs
from pipeline.methods import METHODS, cmem, lcmv
from pipeline.methods._method import NetworkMethod, PointMethod
from pipeline.methods._model import Model, Problem
from pipeline.methods._system import SystemMethod
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.projection import prepare_recording, project_head
from pipeline.records.deep import DeepSources, write_deep
from pipeline.records.dipoles import dipole_files, read_dipoles
from pipeline.records.head import read_measured_head
from pipeline.records.spike import read_spike
from pipeline.records.spikes_qc import read_spikes_qc, write_spikes_qc
from pipeline.synthesis.patches import template_dictionary
from pipeline.template.deep import DEEP_NAMES
from pipeline.weights import apply, load_model

# Systems are trained for each head (tests/systems/test_patient.py).
UNTRAINED = tuple(name for name in METHODS if isinstance(METHODS[name], SystemMethod))
HERE = tuple(name for name in METHODS if name not in UNTRAINED)
POINTS = tuple(name for name in METHODS if isinstance(METHODS[name], PointMethod))
DISTRIBUTED = tuple(name for name in HERE if name not in POINTS)


class Recorder(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def run(patient, **options):
    """Run the stage; return its QC."""
    recorder = Recorder()
    image.run(image.Inputs(patient.t1w), patient.paths, image.Config(**options), recorder)
    qc = read_json(patient.paths.qc("image"))
    assert recorder.warnings == qc["warnings"]
    return qc


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("image") / "out")
    write_models(patient)
    return patient


@pytest.fixture(scope="module")
def imaged(patient):
    """The stage's QC after a run with all methods, the dipole fitted at one instant."""
    return run(patient, methods=HERE, dipole_step_s=0.02)


@pytest.fixture
def copy(patient, tmp_path):
    """A patient of one's own to change."""
    shutil.copytree(patient.paths.output_dir, tmp_path / "out")
    return dataclasses.replace(patient, paths=PatientPaths(tmp_path / "out", "01"))


def test_deep_structures_are_not_assessable_without_points(imaged):
    assert imaged["deep"] == {"reason": "the head model has no points in deep structures"} | {
        key: value for key, value in imaged["deep"].items() if key != "reason" and not value
    }


def test_deep_structures_are_compared_where_the_head_has_points(copy):
    """One point each; that in the right amygdala has the average's own field, for a moment of 50 nAm."""
    average = mne.read_evokeds(copy.paths.average, condition=0, verbose="error").pick("meg")
    at_peak = average.data[:, np.abs(average.times).argmin()]
    rng = np.random.default_rng(3)
    size = np.linalg.norm(at_peak) / 50e-9 / np.sqrt(len(at_peak))
    field = size * rng.normal(size=(len(at_peak), 14, 3))
    index = DEEP_NAMES.index("right amygdala")
    field[:, index, 1] = at_peak / 50e-9
    pos_mm = np.arange(42.0).reshape(14, 3)
    write_deep(copy.paths, DeepSources(pos_mm, np.arange(14), field), average.info)
    found = run(copy, methods=("sloreta",), bootstrap_resamples=0)["deep"]
    assert found["reason"] is None and len(found["structures"]) == 14
    best = found["structures"][0]
    assert best["name"] == "right amygdala" and best["verdict"] == "better than cortex"
    assert best["pos_mri_mm"] == pos_mm[index].tolist()
    assert best["explained_percent"] > found["structures"][1]["explained_percent"] + 20
    difference = best["explained_percent"] - found["cortex_explained_percent"]
    assert best["less_cortex_percent"] == pytest.approx(difference, abs=0.11)
    assert {"hippocampus", "parahippocampal gyrus"} <= {rate["place"] for rate in found["rates"]}


def test_spikes_that_are_not_imaged_have_their_own_dipoles(copy):
    paths = copy.paths
    quality = read_spikes_qc(paths)
    few = dataclasses.replace(quality.types[0], imaged=False, reason="3 spikes, and 5 are needed")
    write_spikes_qc(paths, dataclasses.replace(quality, types=(few,)))
    three = mne.read_epochs(paths.epochs, verbose="error")[:3]
    three.save(paths.epochs, overwrite=True, verbose="error")
    qc = run(copy, methods=("sloreta", "ecd"), dipole_step_s=0.02)
    assert qc["methods"] == {} and qc["dipoles"]["n_fitted"] == 3
    assert len(read_dipoles(paths).moment_nam) == 3
    assert set(image.writes(paths)) == {paths.qc("image"), *dipole_files(paths)}
    assert not paths.sources("sloreta").exists()


def test_every_method_leaves_its_files(patient, imaged):
    assert list(imaged["methods"]) == list(HERE)
    assert all(found["assessable"] for found in imaged["methods"].values())
    assert imaged["warnings"] == []
    files = image.writes(patient.paths)
    assert all(file.exists() for file in files)
    assert patient.paths.point("ecd") in files
    assert {patient.paths.volume(method) for method in DISTRIBUTED} <= set(files)
    read = image.reads(image.Inputs(patient.t1w), patient.paths)
    assert all(file.exists() for file in read)


@pytest.mark.parametrize("method", DISTRIBUTED)
def test_sources_agree_with_maps_volume_and_qc(patient, imaged, method):
    paths, found = patient.paths, imaged["methods"][method]
    sources, regions = read_npz(paths.sources(method)), read_npz(paths.regions)
    assert sources["activity"].shape == (994, len(sources["times_s"]))
    assert sources["activity"].dtype == np.float32
    inside = np.abs(sources["times_s"]) < 0.0101
    np.testing.assert_allclose(
        sources["peak_map"], np.abs(sources["activity"][:, inside]).mean(1), rtol=1e-5
    )
    np.testing.assert_array_equal(
        sources["extent"], sources["peak_map"] > sources["otsu_threshold"]
    )
    assert found["n_extent_regions"] == sources["extent"].sum() > 0
    maximum = int(sources["peak_map"].argmax())
    assert found["max_region"] == maximum
    assert found["max_label"] == regions["region_label"][maximum]
    np.testing.assert_allclose(found["max_pos_mri_mm"], regions["region_pos_mri_mm"][maximum])

    vertex_region = regions["vertex_region"]
    on_cortex = np.hstack([nib.load(paths.cortex_map(hemi, method)).agg_data() for hemi in "LR"])
    assert not on_cortex[vertex_region < 0].any()
    np.testing.assert_allclose(
        on_cortex[vertex_region >= 0],
        sources["peak_map"][vertex_region[vertex_region >= 0]],
        rtol=1e-5,
    )

    volume, t1w = nib.load(paths.volume(method)), nib.load(patient.t1w)
    assert volume.shape == t1w.shape
    np.testing.assert_array_equal(volume.affine, t1w.affine)
    at_region = np.rint(
        nib.affines.apply_affine(np.linalg.inv(t1w.affine), regions["region_pos_mri_mm"])
    ).astype(int)
    values = volume.get_fdata()[tuple(at_region.T)]
    # A voxel of 2 mm beside a border between regions may belong to the neighbour.
    assert np.isclose(values, sources["peak_map"], rtol=1e-5).mean() > 0.9
    assert volume.get_fdata().max() == pytest.approx(sources["peak_map"].max(), rel=1e-6)


def test_conventional_methods_find_the_patch(patient, imaged):
    patch_mm = patient.region_pos_mri_mm[patient.patch]
    for method in (name for name in HERE if not isinstance(METHODS[name], NetworkMethod)):
        found = imaged["methods"][method]
        maximum = found.get("max_pos_mri_mm", found.get("pos_mri_mm"))
        assert np.linalg.norm(patch_mm - maximum, axis=1).min() < 15, method
    assert imaged["methods"]["ecd"]["gof_percent"] > 60
    assert imaged["methods"]["ecd"]["nearest_sublobar"] == "left anterior temporal"
    assert read_json(patient.paths.point("ecd"))["time_s"] == 0


def test_distances_between_maxima(imaged):
    distance = imaged["distance_between_maxima_mm"]
    assert len(distance) == comb(len(HERE), 2)
    expected = np.linalg.norm(
        np.subtract(
            imaged["methods"]["lcmv"]["max_pos_mri_mm"], imaged["methods"]["ecd"]["pos_mri_mm"]
        )
    )
    assert distance["lcmv-ecd"] == pytest.approx(expected)


@pytest.mark.parametrize("method", ["generic", "personalized"])
def test_networks_see_the_average_through_the_patients_leadfield(patient, imaged, method):
    """The same by hand: channels by name, projectors on the leadfield, own weights."""
    paths = patient.paths
    average = mne.read_evokeds(paths.average, condition=0)
    stored = read_npz(paths.leadfield)
    rows = [list(stored["ch_names"]).index(name) for name in average.ch_names]
    assert len(rows) < len(stored["ch_names"])
    projector = make_projector(average.info["projs"], average.ch_names)[0]
    noise_cov = mne.read_cov(paths.noise_cov)
    assert noise_cov.ch_names == average.ch_names
    whiten, projection = project_head(
        projector @ stored["leadfield"][rows], noise_cov["data"], template_dictionary()
    )
    weights = (
        paths.model if method == "personalized" else patient.t1w.parent / "generic.safetensors"
    )
    module, _ = load_model(weights)
    recording = prepare_recording(whiten @ average.data[:, 2:], projection, 500.0)
    expected = apply(module, recording, projection, 62)
    sources = read_npz(paths.sources(method))
    np.testing.assert_allclose(sources["activity"], expected, atol=1e-5 * np.abs(expected).max())
    assert sources["times_s"][62] == 0


def test_the_two_networks_differ(patient, imaged):
    generic, personalized = (
        read_npz(patient.paths.sources(method))["activity"]
        for method in ("generic", "personalized")
    )
    assert np.abs(generic - personalized).max() > 0.01 * np.abs(generic).max()


def test_the_order_of_the_leadfields_channels_does_not_matter(patient, imaged, copy):
    stored = read_npz(copy.paths.leadfield)
    write_npz(
        copy.paths.leadfield,
        leadfield=stored["leadfield"][::-1],
        ch_names=stored["ch_names"][::-1],
        ch_types=stored["ch_types"][::-1],
    )
    run(copy, methods=("sloreta",))
    before, after = (
        read_npz(each.paths.sources("sloreta"))["peak_map"] for each in (patient, copy)
    )
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_the_same_input_gives_the_same_bytes(copy):
    def bytes_of_run():
        run(copy, methods=("generic", "sloreta"))
        return [file.read_bytes() for file in image.writes(copy.paths)]

    assert bytes_of_run() == bytes_of_run()


def test_a_failed_conventional_method_is_not_assessable(patient, imaged, copy, monkeypatch):
    def fail(*_args):
        raise np.linalg.LinAlgError("Singular\n matrix")

    monkeypatch.setattr(lcmv, "METHOD", dataclasses.replace(lcmv.METHOD, activity=fail))
    assert copy.paths.sources("lcmv").exists()
    qc = run(copy, methods=("sloreta", "lcmv"))
    assert qc["methods"]["lcmv"] == {"assessable": False, "reason": "Singular matrix"}
    assert qc["warnings"] == ["lcmv is not assessable: Singular matrix."]
    assert qc["methods"]["sloreta"]["assessable"]
    # Neither the failed method nor one that is not asked for leaves an earlier result.
    for method in ("lcmv", "dspm"):
        assert not any(file.exists() for file in outputs.method_files(copy.paths, method))
    assert all(file.exists() for file in image.writes(copy.paths))


def test_a_failed_network_is_an_error(copy):
    copy.paths.model.write_bytes(b"not weights")
    with pytest.raises(InvalidInput, match="weights"):
        run(copy, methods=("personalized", "sloreta"))
    assert not copy.paths.qc("image").exists()


def test_another_generic_model_than_the_personalized_one_is_refused(copy):
    chosen = read_json(copy.paths.qc("personalize"))
    write_json(copy.paths.qc("personalize"), chosen | {"generic_model_sha256": "0" * 64})
    with pytest.raises(InvalidInput, match="not the one that was personalized"):
        run(copy, methods=("generic",))


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="methods is 'swarm'"):
        image.Config(methods=("swarm",))


def test_a_leadfield_of_another_array_is_refused(copy):
    stored = read_npz(copy.paths.leadfield)
    write_npz(
        copy.paths.leadfield,
        leadfield=stored["leadfield"],
        ch_names=np.char.add("A", stored["ch_names"]),
        ch_types=stored["ch_types"],
    )
    with pytest.raises(InvalidInput, match="not in the leadfield") as error:
        run(copy, methods=("sloreta",))
    assert error.value.file == copy.paths.leadfield


def test_a_spike_off_its_peak_is_warned_about(copy):
    average = mne.read_evokeds(copy.paths.average, condition=0)
    average.data[:] = np.roll(average.data, 30, axis=1)
    mne.write_evokeds(copy.paths.average, average, overwrite=True)
    qc = run(copy, methods=("sloreta",))
    assert qc["field_power_peak_s"] == pytest.approx(0.06)
    assert any("strongest 60 ms from the instant" in warning for warning in qc["warnings"])


def test_cmem_is_given_white_data(patient, monkeypatch):
    """The average's noise before the spike has unit variance, and its covariance none beside it."""
    given = {}

    def watched(data, leadfield, baseline, adjacency, snr):
        given.update(leadfield=leadfield, baseline=baseline)
        return np.zeros((994, data.shape[1]))

    monkeypatch.setattr(cmem, "cmem", watched)
    spike = read_spike(patient.paths)
    head = read_measured_head(patient.paths, spike.ch_names)
    model = Model(head, spike.average.info, spike.noise_cov, np.eye(994, dtype=bool))
    cmem.activity(Problem(model, spike, 0.02), image.Config().of(cmem.METHOD.options))
    assert np.mean(given["baseline"] ** 2) == pytest.approx(1, rel=0.1)
    projected = spike.projector @ head.leadfield
    whiten = given["leadfield"] @ np.linalg.pinv(projected)
    noise = spike.noise_matrix / spike.average.nave
    assert np.allclose(whiten @ noise @ whiten.T, np.eye(len(whiten)), atol=0.01)


def test_networks_of_the_same_weights_are_asked_once(copy, patient, monkeypatch):
    """Where fine-tuning brought nothing, both files and intervals are those of one network."""
    asked = []
    once = image.bootstrap.resampled_peak_maps
    monkeypatch.setattr(
        image.bootstrap, "resampled_peak_maps", lambda *given: asked.append(1) or once(*given)
    )
    networks = ("generic", "personalized")
    different = run(copy, methods=networks, bootstrap_resamples=3)["methods"]
    assert len(asked) == 2
    assert different["generic"]["bootstrap"] != different["personalized"]["bootstrap"]
    shutil.copy(patient.t1w.parent / "generic.safetensors", copy.paths.model)
    asked.clear()
    equal = run(copy, methods=networks, bootstrap_resamples=3)["methods"]
    assert len(asked) == 1
    assert equal["generic"] == equal["personalized"] == different["generic"]
    files = [copy.paths.bootstrap(network).read_bytes() for network in networks]
    assert files[0] == files[1]
