"""The virtual patient: is its data what it claims, and is its truth where the data puts it?"""

import hashlib
import json

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from deepbet import run_bet
from mne.transforms import apply_trans
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from bids_app.demo import activity, recording
from bids_app.demo.anatomy import build_anatomy
from bids_app.demo.clinic import implant
from bids_app.demo.cortex import grow_patches
from bids_app.demo.create import cohort_recipe, create_virtual_patients
from bids_app.demo.dataset import write_participants
from bids_app.demo.deformation import draw_deformation
from bids_app.demo.phantom import load_phantom, voxelise
from bids_app.demo.sources import lobe_vertices
from bids_app.validator import validate
from pipeline.errors import InvalidInput
from pipeline.progress import Progress
from pipeline.template import load_template

MINUTES = 0.6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    create_virtual_patients(out, 1, 5, "neuromag", Progress(), minutes=MINUTES, small=True)
    return out


@pytest.fixture(scope="module")
def truth(folder):
    numbers = json.loads((folder / "truth/sub-01_truth.json").read_text())
    with np.load(folder / "truth/sub-01_truth.npz") as arrays:
        return {**numbers, **numbers["foci"][0], **arrays}


@pytest.fixture(scope="module")
def t1w(folder):
    return nib.load(folder / "bids/sub-01/anat/sub-01_T1w.nii.gz")


@pytest.fixture(scope="module")
def raw(folder):
    path = mne_bids.BIDSPath(
        subject="01", task="rest", run="01", datatype="meg", root=folder / "bids"
    )
    return mne_bids.read_raw_bids(path, verbose="error").load_data(verbose="error")


@pytest.fixture(scope="module")
def spikes(raw, truth):
    """Epochs (n_marks, n_channels, n_times) around each mark, 1-40 Hz, good MEG channels."""
    good = [name for name in raw.copy().pick("meg").ch_names if name != truth["bad_channel"]]
    filtered = raw.copy().pick(good).filter(1, 40, verbose="error")
    samples = np.round(truth["mark_s"] * 1000).astype(int)
    events = np.column_stack([samples, np.zeros_like(samples), np.ones_like(samples)])
    return mne.Epochs(
        filtered, events, tmin=-0.4, tmax=0.4, baseline=None, preload=True, verbose="error"
    )


def errors(dataset):
    return [issue for issue in validate(dataset) if issue["severity"] == "error"]


def test_dataset_is_valid_bids(folder):
    assert errors(folder / "bids") == []


def test_validator_finds_what_is_wrong(tmp_path):
    (tmp_path / "sub-01").mkdir()
    assert errors(tmp_path)


def test_same_seed_gives_the_same_bytes(folder, tmp_path):
    create_virtual_patients(tmp_path, 1, 5, "neuromag", Progress(), minutes=MINUTES, small=True)

    def hashes(root):
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    assert hashes(tmp_path) == hashes(folder)


def test_never_mixes_with_an_older_dataset(folder):
    with pytest.raises(InvalidInput, match="choose another folder"):
        create_virtual_patients(folder, 1, 6, "neuromag", Progress())


def test_truth_stays_outside_the_dataset(folder, truth):
    names = [path.name for path in (folder / "bids").rglob("*")]
    assert not [name for name in names if "truth" in name or "leadfield" in name]
    channels = pd.read_csv(
        folder / "bids/sub-01/meg/sub-01_task-rest_run-01_channels.tsv", sep="\t"
    )
    assert set(channels["status"]) == {"good"}, "the bad channel is to be found, not read"
    events = pd.read_csv(folder / "bids/sub-01/meg/sub-01_task-rest_run-01_events.tsv", sep="\t")
    assert set(events["trial_type"]) == {"spike"}
    assert len(events) == len(truth["mark_focus"] >= 0) > (truth["mark_focus"] >= 0).sum()


def test_brain_can_be_extracted_from_the_t1w(folder, truth, t1w, tmp_path):
    source = folder / "bids/sub-01/anat/sub-01_T1w.nii.gz"
    run_bet([str(source)], mask_paths=[str(tmp_path / "mask.nii.gz")], no_gpu=True)
    found = nib.load(tmp_path / "mask.nii.gz").get_fdata() > 0
    shape = truth["brain_mask_shape"]
    true = np.unpackbits(truth["brain_mask"], count=shape.prod()).reshape(shape) > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.93
    assert 1000 < true.sum() * np.prod(t1w.header.get_zooms()) / 1000 < 2000, "cm3 of brain"


def test_landmarks_and_head_points_lie_on_the_head_of_the_t1w(folder, truth, t1w, raw):
    data = t1w.get_fdata()
    head = np.argwhere(data > 0.15 * np.percentile(data, 99))
    head_mm = cKDTree(apply_trans(t1w.affine, head))
    sidecar = json.loads((folder / "bids/sub-01/anat/sub-01_T1w.json").read_text())
    voxels = np.array(list(sidecar["AnatomicalLandmarkCoordinates"].values()))
    head_mri_t = np.array(truth["head_mri_t"])
    dig = {name: [] for name in ("cardinal", "extra")}
    for point in raw.info["dig"]:
        kind = {1: "cardinal", 4: "extra"}.get(int(point["kind"]))
        if kind:
            dig[kind].append(apply_trans(head_mri_t, point["r"]) * 1000)
    landmarks_mm = apply_trans(t1w.affine, voxels)
    assert head_mm.query(landmarks_mm)[0].max() < 5
    to_touched = cKDTree(np.array(dig["cardinal"])).query(landmarks_mm)[0]
    assert 0 < to_touched.max() < 6, "two independent, imperfect measurements of the same points"
    assert len(dig["extra"]) >= 100
    inside = head_mm.query(np.array(dig["extra"]))[0]
    assert np.median(inside) < 3
    raised_mm = np.array(dig["extra"]) + np.array([0, 0, 15])
    shifted = head_mm.query(raised_mm)[0]
    assert np.median(shifted) > np.median(inside) + 2


def test_head_fits_the_helmet(truth, t1w, raw):
    data = t1w.get_fdata()
    head = np.argwhere(data > 0.15 * np.percentile(data, 99))
    head_mm = apply_trans(t1w.affine, head)
    device_to_mri = np.array(truth["head_mri_t"]) @ np.array(truth["dev_head_t"])
    np.testing.assert_allclose(raw.info["dev_head_t"]["trans"], truth["dev_head_t"], atol=1e-6)
    coils = np.array([ch["loc"][:3] for ch in raw.copy().pick("meg").info["chs"]])
    gap = cKDTree(head_mm).query(apply_trans(device_to_mri, coils) * 1000)[0]
    assert 11 < gap.min() < 27


def test_marked_spikes_come_from_the_patch_and_false_marks_do_not(spikes, truth):
    names = [*spikes.ch_names]
    pattern = truth["pattern"][0, [_all_meg_names().index(name) for name in names]]
    data = spikes.get_data()
    scale = data[:, :, :300].std((0, 2))
    true = data[(truth["mark_focus"] >= 0)].mean(0) / scale[:, None]
    peak = np.argmin(abs(spikes.times))
    assert np.corrcoef(true[:, peak], pattern / scale)[0, 1] > 0.9
    assert abs(np.corrcoef(true[:, peak - 250], pattern / scale)[0, 1]) < 0.6
    window = slice(peak - 15, peak + 16)
    fit = abs(np.einsum("ect,c->et", data / scale[:, None], pattern / scale)[:, window]).max(1)
    assert fit[~(truth["mark_focus"] >= 0)].mean() < 0.5 * fit[(truth["mark_focus"] >= 0)].mean()
    power = np.mean((pattern / scale) ** 2)
    assert 10 * np.log10(power) == pytest.approx(truth["single_spike_snr_db"], abs=2)
    assert truth["peak_density_nam_per_mm2"] < 2


def test_recording_holds_what_a_clinical_one_does(raw, truth):
    spectrum = raw.compute_psd(fmax=200, picks="mag", n_fft=4000, verbose="error")
    power, frequency = np.median(spectrum.get_data(), axis=0), spectrum.freqs

    def around(hz):
        return power[abs(frequency - hz) <= 0.5].max()

    assert around(50) > 10 * around(45)
    assert around(10) > 2 * around(6)
    assert around(4) > 3 * around(30)
    deviation = raw.get_data(truth["bad_channel"]).std()
    kind = raw.get_channel_types(truth["bad_channel"])[0]
    assert deviation > 5 * np.median(raw.get_data(kind).std(1))
    body = raw.copy().pick(["eog", "ecg"])
    beats = mne.preprocessing.find_ecg_events(body, verbose="error")[0]
    assert 50 < len(beats) / MINUTES < 90
    assert len(mne.preprocessing.find_eog_events(body, verbose="error")) >= 2


def test_empty_room_is_linked_and_has_no_brain_in_it(folder, raw):
    sidecar = json.loads((folder / "bids/sub-01/meg/sub-01_task-rest_run-01_meg.json").read_text())
    empty = mne.io.read_raw_fif(
        folder / "bids" / sidecar["AssociatedEmptyRoom"], preload=True, verbose="error"
    )
    assert empty.info["dev_head_t"] is None
    spread = [
        np.median(each.copy().pick("mag").filter(5, 40, verbose="error").get_data().std(1))
        for each in (empty, raw)
    ]
    assert spread[0] < 0.5 * spread[1]


def test_region_of_the_truth_is_the_one_at_the_patch(truth):
    template = load_template()
    centre = np.array(truth["patch_centre_mri_mm"])
    members = truth["cortex_mri_mm"][template.vertex_region == truth["region"]]
    assert np.linalg.norm(members - centre, axis=1).min() < 3
    assert truth["region"] in truth["regions_half_active"]
    assert 5 < truth["patch_area_cm2"] < 13
    faces = truth["dense_cortex_faces"]
    inside = np.isin(faces, truth["patch_vertices"]).all(1)
    edges = np.vstack([faces[inside][:, [0, 1]], faces[inside][:, [1, 2]]])
    index = np.searchsorted(np.sort(truth["patch_vertices"]), edges)
    graph = coo_matrix((np.ones(len(index)), index.T), shape=(len(truth["patch_vertices"]),) * 2)
    assert connected_components(graph, directed=False)[0] == 1, "the patch is contiguous"


def test_fields_of_regions_are_as_unlike_the_unfolded_cortex_s_as_on_a_real_head(truth):
    fit = truth["folding_leadfield_correlation"]
    assert 0.91 < fit["median"] < 0.98
    assert fit["percentile_5"] < 0.5


def test_contacts_marks_and_resection_surround_the_patch(folder, truth, t1w):
    ieeg = folder / "bids/sub-01/ieeg"
    electrodes = pd.read_csv(ieeg / "sub-01_space-ScanRAS_electrodes.tsv", sep="\t")
    channels = pd.read_csv(ieeg / "sub-01_task-interictal_channels.tsv", sep="\t")
    assert list(channels["name"]) == list(electrodes["name"])
    assert set(channels["type"]) == {"SEEG", "ECOG"}
    position = electrodes[["x", "y", "z"]].to_numpy()
    distance = cKDTree(truth["patch_mri_mm"]).query(position)[0]
    is_soz = channels["status_description"].fillna("").str.contains("soz").to_numpy()
    assert is_soz.sum() >= 3
    assert distance[is_soz].max() < distance[~is_soz].max()
    assert np.median(distance[is_soz]) < 12
    data = t1w.get_fdata()
    index = np.rint(apply_trans(np.linalg.inv(t1w.affine), position)).astype(int)
    assert (data[tuple(index.T)] > 0).mean() > 0.95
    mask = nib.load(
        folder / "bids/derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz"
    )
    np.testing.assert_allclose(mask.affine, t1w.affine)
    removed = cKDTree(apply_trans(t1w.affine, np.argwhere(mask.get_fdata() > 0)))
    near = removed.query(truth["patch_mri_mm"])[0] < 3
    assert near.mean() > 0.8, "this patient became seizure-free"
    outcome = pd.read_csv(folder / "bids/participants.tsv", sep="\t", index_col=0)
    assert outcome.loc["sub-01", "seizure_free"] == "yes"


def test_cohort_varies_and_does_not_depend_on_its_size():
    recipes = [cohort_recipe(3, index, "ctf275") for index in range(10)]
    assert len({recipe.lobe for recipe in recipes}) == 10
    assert {recipe.ieeg for recipe in recipes} == {True, False}
    assert {recipe.resection for recipe in recipes} == {True, False}
    assert {recipe.sampled for recipe in recipes if recipe.ieeg} == {True, False}
    assert {recipe.landmarks for recipe in recipes} == {True, False}
    operated = [recipe for recipe in recipes if recipe.resection]
    assert {recipe.seizure_free for recipe in operated} == {True, False}
    assert all(3 <= recipe.snr_db <= 5.5 for recipe in recipes)
    assert recipes[0].ieeg and recipes[0].resection and recipes[0].landmarks


def test_cohort_has_both_arrays_and_temporal_and_other_epilepsies():
    recipes = [cohort_recipe(1, index, None) for index in range(29)]
    assert [recipe.array for recipe in recipes[:2]] == ["neuromag", "ctf275"]
    n_neuromag = sum(recipe.array == "neuromag" for recipe in recipes)
    assert n_neuromag in (14, 15)
    temporal = [recipe for recipe in recipes if "temporal" in recipe.lobe]
    assert 5 <= len(temporal) <= 12
    operated = [recipe for recipe in recipes if recipe.resection]
    for some in (recipes, temporal):
        assert {recipe.array for recipe in some} == {"neuromag", "ctf275"}
        assert (
            {recipe.ieeg for recipe in some}
            == {recipe.resection for recipe in some}
            == {
                True,
                False,
            }
        )
    for free in (True, False):
        arrays = {recipe.array for recipe in operated if recipe.seizure_free is free}
        assert arrays == {"neuromag", "ctf275"}, "the outcome must not go with the array"
    assert recipes == [cohort_recipe(1, index, None) for index in range(29)]
    assert recipes != [cohort_recipe(2, index, None) for index in range(29)]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_single_patient_is_the_one_that_it_always_was(seed):
    assert cohort_recipe(seed, 0, None) == cohort_recipe(seed, 0, "neuromag")


def test_an_implantation_reaches_the_patch_or_misses_it():
    recipe = cohort_recipe(1, 0, "neuromag", small=True)
    anatomy = build_anatomy(np.random.default_rng(0), load_phantom(), recipe)
    pool = lobe_vertices("left orbitofrontal")
    patch = grow_patches(np.random.default_rng(1), anatomy.cortex, pool, (6.0, 12.0), 1)[0]
    nearest_mm = {}
    for sampled in (True, False):
        found = implant(np.random.default_rng(2), anatomy, patch, sampled)
        patch_mm = anatomy.cortex.pos_mri_mm[patch.vertices]
        distance_mm = cKDTree(patch_mm).query(found.true_mm)[0]
        assert distance_mm[found.soz].max() < distance_mm[~found.soz].min()
        nearest_mm[sampled] = distance_mm.min()
    assert nearest_mm[True] < 3 and nearest_mm[False] > 15


def test_participants_of_a_cohort_bear_their_subgroups(tmp_path):
    rows = [
        {"participant_id": "sub-01", "age": 30, "sex": "F", "epilepsy_type": "temporal"},
        {"participant_id": "sub-02", "age": 31, "sex": "M", "epilepsy_type": "extratemporal"},
    ]
    write_participants(tmp_path, rows)
    table = pd.read_csv(tmp_path / "participants.tsv", sep="\t", index_col=0)
    assert list(table["epilepsy_type"][:2]) == ["temporal", "extratemporal"]
    described = json.loads((tmp_path / "participants.json").read_text())
    assert "epilepsy_type" in described and "centre" not in described


def test_deformation_can_be_undone():
    deformation = draw_deformation(np.random.default_rng(0), 8.0)
    points = load_phantom().head_vertices_mm
    there = deformation.to_patient(points)
    np.testing.assert_allclose(deformation.to_mni152(there), points, atol=0.01)
    rigid = apply_trans(deformation.affine, points)
    moved = np.linalg.norm(there - rigid, axis=1)
    assert 2 < np.percentile(moved, 95) < 12


def test_voxelise_fills_a_sphere():
    template = load_template()
    sphere = template.sphere_mm[:10242] / np.linalg.norm(
        template.sphere_mm[:10242], axis=1, keepdims=True
    )
    faces = template.faces[: len(template.faces) // 2]
    inside = voxelise(sphere * 20 + 30, faces, (61, 61, 61))
    assert inside.sum() == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert inside[30, 30, 30] and not inside[0, 0, 0]


def test_sensors_read_known_fields():
    info = recording.recording_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    planar = np.array(info.get_channel_types()) == "grad"
    uniform = recording.room_field(info, lambda p: np.tile([0.0, 0.0, 1.0], (len(p), 1)))
    np.testing.assert_allclose(uniform[planar], 0, atol=1e-12)
    assert abs(uniform[~planar]).max() <= 1 + 1e-9
    gradient = recording.room_field(info, lambda p: p @ np.diag([1.0, -1.0, 0.0]))
    loc = np.array([ch["loc"] for ch in info["chs"]])
    expected = np.einsum("ij,jk,ik->i", loc[:, 3:6], np.diag([1.0, -1.0, 0.0]), loc[:, 9:12])
    np.testing.assert_allclose(gradient[planar], expected[planar], atol=1e-9)


def test_spike_has_a_sharp_peak_and_an_opposite_slow_wave():
    time_s = np.arange(-0.4, 0.6, 0.001)
    wave = activity.spike_waveform(time_s, 1.0, 0.3, 0.14)
    assert time_s[np.argmax(wave)] == pytest.approx(0, abs=0.002)
    assert 0.02 < np.ptp(time_s[wave > 0.5 * wave.max()]) < 0.07
    assert wave[np.argmin(abs(time_s - 0.14))] == pytest.approx(-0.3, abs=0.02)


def _all_meg_names():
    info = recording.recording_info("neuromag")
    return [info.ch_names[index] for index in mne.pick_types(info, meg=True)]
