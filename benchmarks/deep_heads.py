"""Heads with sources in deep structures and in cortex, for the benchmark of deep sources.

As in `benchmarks.simulated_heads` the truth is a virtual patient's (dense cortex with a folding that
the estimate does not know, three shells, ongoing activity with alpha), and the estimate what the
pipeline has. Deep structures are those of the average brain, carried to the patient; truly each is
displaced besides by a field that no template knows, and its sources are some hundreds of voxels
with orientations of their own, at none of the pipeline's points.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mne.transforms import Transform

from benchmarks.seated import seated
from benchmarks.simulated_heads import PATH_ERROR_MM, PATHS
from benchmarks.simulated_marks import N_BACKGROUND_DIPOLES, POSTERIOR_MNI_MM, background_of
from bids_app.demo.cortex import (
    Patch,
    TrueCortex,
    grow_patches,
    smooth_midthickness_mm,
    true_cortex,
)
from bids_app.demo.deformation import Deformation
from bids_app.demo.forward import true_bem
from bids_app.demo.phantom import shell
from pipeline.files import read_npz, write_npz
from pipeline.free_leadfield import free_leadfield
from pipeline.headmodel.deep import points_of
from pipeline.modality import modality_of
from pipeline.synthesis.population import (
    carried_geometry,
    geometry_leadfield,
    misplaced_helmet,
    smooth_displacement,
)
from pipeline.template import load_template
from pipeline.template.cortex import N_VERTICES
from pipeline.template.deep import DEEP_NAMES, deep_atlas_mni152_mm

BACKGROUND_S = 160.0
SHELL_VERTICES = 642
# What individual structures are displaced by from the average's: root mean square and length.
INDIVIDUAL_MM = (2.0, 25.0)
# Sources in each deep structure, and in cortex by Desikan-Killiany label on both sides together.
PER_STRUCTURE = {"hippocampus": 4, "amygdala": 3, "thalamus": 3, "accumbens": 1}
PER_OTHER_STRUCTURE = 2
PER_LABEL = {
    "parahippocampal": 6,
    "entorhinal": 6,
    "fusiform": 6,
    "temporalpole": 4,
    "insula": 6,
}
LATERAL_TEMPORAL = ("superiortemporal", "middletemporal", "inferiortemporal")
N_LATERAL, N_ELSEWHERE = 8, 24


@dataclass(frozen=True)
class Rule:
    """What development and test heads do not share."""

    arrays: tuple[str, ...]
    area_cm2: tuple[float, float]
    tapered: bool
    n_inner: int
    deep_radius_mm: tuple[float, float]
    scatter: float


RULES = {
    "development": Rule(("neuromag", "ctf275", "ctf151"), (3.0, 12.0), False, 700, (3.0, 8.0), 0.3),
    "test": Rule(("neuromag", "ctf275"), (3.0, 13.0), True, 900, (4.0, 9.0), 0.6),
}


@dataclass(frozen=True)
class DeepHead:
    """Sources of a true head as sensors see them, and what the pipeline would know of the head.

    Attributes
    ----------
    array : str
    place : ndarray of str, (n_sources,)
        One of `DEEP_NAMES`, or a Desikan-Killiany label with its side.
    deep : ndarray of bool, (n_sources,)
    field : ndarray float32, (n_sources, rank)
        Whitened by the estimated noise: of 1 nAm of a deep source, of 1 nAm/mm² of a patch.
    background : ndarray float16, (rank, n_times)
        Whitened, at `SFREQ_HZ` of `simulated_marks`.
    whiten : ndarray, (rank, n_channels)
    leadfield : ndarray float32, (2, n_channels, 994)
        Estimated, by `PATHS`.
    deep_free : ndarray float32, (2, n_channels, n, 3)
        Of free dipoles at the points of deep structures.
    deep_pos_mri_mm : ndarray, (2, n, 3)
    structure : ndarray of int, (n,)
        Of the points, index into `DEEP_NAMES`.
    """

    array: str
    place: np.ndarray
    deep: np.ndarray
    field: np.ndarray
    background: np.ndarray
    whiten: np.ndarray
    leadfield: np.ndarray
    deep_free: np.ndarray
    deep_pos_mri_mm: np.ndarray
    structure: np.ndarray


def deep_head(cache: Path, kind: str, seed: int) -> DeepHead:
    """A head of a kind of `RULES`, made once and kept in `cache`."""
    path = cache / f"deep_{kind}_{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, **vars(_make(RULES[kind], seed)))
    stored = read_npz(path)
    return DeepHead(**(stored | {"array": str(stored["array"])}))


def _make(rule: Rule, seed: int) -> DeepHead:
    rng = np.random.default_rng(seed)
    array = rule.arrays[seed % len(rule.arrays)]
    head = seated(rng, array)
    info, phantom, deformation = head.info, head.phantom, head.deformation
    head_mri_t = head.head_mri_t
    cortex = true_cortex(rng, phantom, deformation)
    bem = true_bem(phantom, deformation, rule.n_inner)
    patches, labels = _patches(rng, cortex, rule)
    around = rng.choice(len(cortex.pos_mri_mm), N_BACKGROUND_DIPOLES, replace=False)
    vertices = np.concatenate([around, *(patch.vertices for patch in patches)])
    used, where = np.unique(vertices, return_inverse=True)
    # A fold that lies outside the coarse shell is silent.
    free = np.nan_to_num(free_leadfield(info, head_mri_t, bem, cortex.pos_mri_mm[used]))
    lead = np.einsum("cnx,nx->cn", free, cortex.normal_mri[used])[:, where]
    sizes = [len(patch.vertices) for patch in patches]
    parts = np.split(lead, np.cumsum([len(around), *sizes])[:-1], 1)
    background, whiten = background_of(
        rng,
        info,
        parts[0],
        cortex.pos_mri_mm[around],
        deformation.to_patient(POSTERIOR_MNI_MM),
        array,
        BACKGROUND_S,
    )
    fields = [
        part @ (cortex.area_mm2[patch.vertices] * (patch.weight if rule.tapered else 1))
        for part, patch in zip(parts[1:], patches, strict=True)
    ]
    true_voxels = _individual(rng, deformation)
    deep_fields, structures = _deep_sources(rng, info, head_mri_t, bem, true_voxels, rule)
    device_to_mri = head_mri_t["trans"] @ info["dev_head_t"]["trans"]
    known = [
        _estimate(rng, info, cortex, phantom, deformation, true_voxels, device_to_mri, path)
        for path in PATHS
    ]
    n_points = {path: len(each["structure"]) for path, each in zip(PATHS, known, strict=True)}
    assert len(set(n_points.values())) == 1, n_points
    return DeepHead(
        array=array,
        place=np.array([*structures, *labels]),
        deep=np.arange(len(structures) + len(labels)) < len(structures),
        field=(1e-9 * whiten @ np.array([*deep_fields, *fields]).T).T.astype(np.float32),
        background=background.astype(np.float16),
        whiten=whiten,
        structure=known[0]["structure"],
        **{
            name: np.array([each[name] for each in known])
            for name in ("leadfield", "deep_free", "deep_pos_mri_mm")
        },
    )


def _patches(rng, cortex: TrueCortex, rule: Rule) -> tuple[list[Patch], list[str]]:
    """Patches around vertices of the labels asked for, and the label of each one's centre."""
    template = load_template()
    region = template.vertex_region[cortex.template_vertex]
    label = np.where(region >= 0, template.dk_label[cortex.template_vertex], "")
    groups = [((name,), n) for name, n in PER_LABEL.items()] + [(LATERAL_TEMPORAL, N_LATERAL)]
    special = (*PER_LABEL, *LATERAL_TEMPORAL, "")
    chosen = [(np.flatnonzero(np.isin(label, names)), n) for names, n in groups]
    chosen.append((np.flatnonzero(~np.isin(label, special)), N_ELSEWHERE))
    patches, names = [], []
    for pool, n in chosen:
        for _ in range(n):
            (patch,) = grow_patches(rng, cortex, pool, rule.area_cm2, 1)
            right = template.region_is_right[region[patch.centre]]
            patches.append(patch)
            names.append(f"{'right' if right else 'left'} {label[patch.centre]}")
    return patches, names


def _individual(rng, deformation: Deformation) -> list[np.ndarray]:
    """Voxels of the patient's own structures in the T1w's frame, mm, by `DEEP_NAMES`."""
    voxels = deep_atlas_mni152_mm()
    all_mm = np.vstack(voxels)
    moved = deformation.to_patient(all_mm + smooth_displacement(all_mm, rng, *INDIVIDUAL_MM))
    return np.split(moved, np.cumsum([len(own) for own in voxels])[:-1])


def _deep_sources(rng, info, head_mri_t, bem, voxels, rule: Rule):
    """Field per A·m of each deep source, and its structure."""
    pos, moments, names = [], [], []
    for own, name in zip(voxels, DEEP_NAMES, strict=True):
        for _ in range(PER_STRUCTURE.get(name.split()[1], PER_OTHER_STRUCTURE)):
            away_mm = np.linalg.norm(own - own[rng.integers(len(own))], axis=1)
            members = np.flatnonzero(away_mm <= rng.uniform(*rule.deep_radius_mm))
            members = rng.choice(members, min(60, len(members)), replace=False)
            moment = rng.normal(size=3) + rule.scatter * rng.normal(size=(len(members), 3))
            pos.append(own[members] + rng.uniform(-0.5, 0.5, (len(members), 3)))
            moments.append(moment / np.linalg.norm(moment.sum(0)))
            names.append(name)
    lead = free_leadfield(info, head_mri_t, bem, np.vstack(pos))
    parts = np.split(lead, np.cumsum([len(own) for own in pos])[:-1], axis=1)
    return [np.einsum("cnx,nx->c", a, b) for a, b in zip(parts, moments, strict=True)], names


def _estimate(
    rng, info, cortex, phantom, deformation, true_voxels, device_to_mri, path: str
) -> dict[str, np.ndarray]:
    """Leadfields and places as a head-model stage would have found them, cortex and deep points."""
    if path == "template":
        middle_mm = smooth_midthickness_mm(deformation)
    else:
        middle_mm = cortex.pos_mri_mm[:N_VERTICES]
    average = tuple(deformation.to_patient(own) for own in deep_atlas_mni152_mm())
    # The average's voxels make the points, so that both paths have the same; individual ones follow.
    shifts = [true - own for true, own in zip(true_voxels, average, strict=True)]
    deep_mm, structure = points_of(average, float(np.linalg.det(deformation.affine[:3, :3])))
    if path == "freesurfer":
        order = np.vstack(average)
        nearest = np.linalg.norm(order[None] - deep_mm[:, None], axis=2).argmin(1)
        deep_mm = deep_mm + np.vstack(shifts)[nearest]
    both = np.vstack([middle_mm, deep_mm])
    both = both + smooth_displacement(both, rng, *PATH_ERROR_MM[path])
    known_mm, deep_mm = both[:N_VERTICES], both[N_VERTICES:]
    skull_mm, faces = shell(phantom, phantom.inner_skull_mm, SHELL_VERTICES)
    skull_mm = deformation.to_patient(skull_mm)
    # Out to where no dipole of the misplaced cortex lies too near.
    skull_mm = skull_mm.mean(0) + 1.02 * (skull_mm - skull_mm.mean(0))
    geometry = carried_geometry(load_template().source_cortex, known_mm, skull_mm, faces)
    helmet = misplaced_helmet(device_to_mri, skull_mm, rng)
    sensors = info.copy()
    with sensors._unlock():
        sensors["dev_head_t"] = Transform("meg", "head", helmet)
    identity = Transform("head", "mri")
    conductor = modality_of(info).conductor(skull_mm, faces)
    return {
        "leadfield": geometry_leadfield(info, helmet, geometry).astype(np.float32),
        "deep_free": free_leadfield(sensors, identity, conductor, deep_mm).astype(np.float32),
        "deep_pos_mri_mm": deep_mm,
        "structure": structure,
    }
