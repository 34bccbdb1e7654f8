"""A helmet and a cap on one virtual head: the same cortex and activity, seen by either and by both.

What generates is a dense cortex in three shells with a skull of varying thickness; what is known is the
coarser cortex in another mesh, with other conductivities, no image of the bone, and electrodes as a
digitiser and a co-registration tell them.
"""

from pathlib import Path

import mne
import numpy as np
from mne.transforms import Transform

from benchmarks.robustness_heads import (
    CORTEX_ERROR_MM,
    DIPOLES_PER_REGION,
    N_BACKGROUND_DIPOLES,
    POSTERIOR_MNI_MM,
    Head,
    ongoing_background,
)
from benchmarks.seated import seated
from bids_app.demo.cortex import true_cortex
from bids_app.demo.electrodes import DIGITISER_MM, cap_info, cap_names, place_cap
from bids_app.demo.forward import field_of, true_bem
from bids_app.demo.phantom import shell
from bids_app.demo.recording import NOISE
from pipeline.files import read_npz, write_npz
from pipeline.leadfield import region_leadfield, vertex_leadfield
from pipeline.modality import modality_of, picks_against_average, re_referenced
from pipeline.shells import smooth_scalp
from pipeline.synthesis.population import misplaced_helmet, smooth_displacement
from pipeline.template import N_REGIONS, load_template
from pipeline.template.cortex import N_VERTICES, region_means, vertex_areas_mm2, vertex_normals

SFREQ_HZ = 125.0
MODALITIES_OF_PAIR = ("meg", "eeg", "meg_eeg")
_HELMET = "neuromag"
# What is known is 0.3, 0.006 and 0.3 S/m (a ratio of 50); literature has ratios from 20 to 80.
BRAIN_S_PER_M, SCALP_S_PER_M, BRAIN_TO_SKULL = 0.33, 0.43, (20.0, 80.0)


def make_pair(seed: int) -> dict[str, Head]:
    """One head under a helmet, under a cap and under both, from one seed; takes some minutes."""
    rng = np.random.default_rng([seed, 64])
    head, template = seated(rng, _HELMET), load_template()
    helmet, phantom, deformation = head.info, head.phantom, head.deformation
    head_mri_t, scalp_mm = head.head_mri_t, head.scalp_mm
    places_mm = place_cap(rng, phantom, deformation)
    cap = cap_info(places_mm, head_mri_t, cap_names(), SFREQ_HZ)
    cortex = true_cortex(rng, phantom, deformation)
    region = template.vertex_region[cortex.template_vertex]
    dipoles = np.concatenate(
        [rng.choice(np.flatnonzero(region == r), DIPOLES_PER_REGION) for r in range(N_REGIONS)]
    )
    region_area_mm2 = np.bincount(region[region >= 0], cortex.area_mm2[region >= 0], N_REGIONS)
    around = rng.choice(len(cortex.pos_mri_mm), N_BACKGROUND_DIPOLES, replace=False)
    used, where = np.unique(np.concatenate([dipoles, around]), return_inverse=True)
    share_mm2 = np.repeat(region_area_mm2, DIPOLES_PER_REGION) / DIPOLES_PER_REGION
    posterior_mm = deformation.to_patient(POSTERIOR_MNI_MM)
    ratio = np.exp(rng.uniform(*np.log(BRAIN_TO_SKULL)))
    conductivity = (BRAIN_S_PER_M, BRAIN_S_PER_M / ratio, SCALP_S_PER_M)
    bem = true_bem(phantom, deformation, 1500, conductivity)
    course_seed = int(rng.integers(2**31))

    skull_mm, faces = shell(phantom, phantom.inner_skull_mm, 2562)
    skull_mm = deformation.to_patient(skull_mm)
    # Out to where no dipole of the misplaced cortex lies outside.
    skull_mm = skull_mm.mean(0) + 1.05 * (skull_mm - skull_mm.mean(0))
    right_mm = cortex.pos_mri_mm[:N_VERTICES]
    cortices = right_mm, right_mm + smooth_displacement(right_mm, rng, *CORTEX_ERROR_MM)
    identity = np.eye(4)
    placed = identity, misplaced_helmet(identity, skull_mm, rng)
    area_mm2 = vertex_areas_mm2(right_mm, template.faces)
    region_pos_mm = region_means(right_mm, area_mm2, template.vertex_region)
    heads = {}
    for name, info in zip(MODALITIES_OF_PAIR, (helmet, cap, joined(helmet, cap)), strict=True):
        lead = field_of(info, head_mri_t, bem, cortex, used)[:, where]
        std = _noise_std(info, np.random.default_rng([seed, 65]))
        conductor = modality_of(info).conductor(skull_mm, faces, smooth_scalp(skull_mm, scalp_mm))
        digitised = _digitised(info, np.random.default_rng([seed, 66]))
        heads[name] = Head(
            dipole_field=lead[:, : len(dipoles)] * share_mm2,
            dipole_vertex=dipoles,
            dipole_region=np.repeat(np.arange(N_REGIONS), DIPOLES_PER_REGION),
            graph_pos_mm=cortex.pos_mri_mm,
            faces=cortex.faces,
            area_mm2=np.where(region >= 0, cortex.area_mm2, 0),
            region_area_mm2=region_area_mm2,
            background=re_referenced(
                ongoing_background(
                    np.random.default_rng(course_seed),
                    lead[:, len(dipoles) :],
                    cortex.pos_mri_mm[around],
                    posterior_mm,
                ),
                info,
            ),
            noise_std=std,
            leadfield=np.array(
                [
                    _known_field(seen, head_mri_t, error, conductor, pos_mm)
                    for seen, error, pos_mm in zip((info, digitised), placed, cortices, strict=True)
                ]
            ),
            region_pos_mm=np.array([region_pos_mm] * 2),
        )
    return heads


def joined(helmet: mne.Info, cap: mne.Info) -> mne.Info:
    """Both sets of sensors, those of the helmet first."""
    sources = [*helmet["chs"], *cap["chs"]]
    kinds = [*helmet.get_channel_types(), *cap.get_channel_types()]
    info = mne.create_info([each["ch_name"] for each in sources], SFREQ_HZ, kinds)
    with info._unlock():
        for channel, source in zip(info["chs"], sources, strict=True):
            channel.update(
                {key: source[key] for key in ("coil_type", "loc", "unit", "coord_frame")}
            )
        info["dev_head_t"] = helmet["dev_head_t"]
    return info


def _known_field(info, head_mri_t, error, conductor, pos_mm) -> np.ndarray:
    template = load_template()
    trans = Transform("head", "mri", error @ head_mri_t["trans"])
    normals = vertex_normals(pos_mm, template.faces)
    field = vertex_leadfield(info, trans, conductor, pos_mm, normals)
    # As true patches are active: each vertex for its share of the area.
    return region_leadfield(field, template.vertex_region)


def _noise_std(info: mne.Info, rng) -> np.ndarray:
    levels = {kind: found.noise for kind, found in modality_of(info).types.items()}
    levels |= NOISE[_HELMET].white
    kinds = info.get_channel_types()
    return np.array([levels[kind] for kind in kinds]) * np.exp(rng.normal(0, 0.1, len(kinds)))


def _digitised(info: mne.Info, rng) -> mne.Info:
    """Electrodes where a digitiser saw them; a helmet's sensors are where they are."""
    seen = info.copy()
    for pick in picks_against_average(info):
        seen["chs"][pick]["loc"][:3] += rng.normal(0, DIGITISER_MM / 1000 / np.sqrt(3), 3)
    return seen


def cached_pair(cache: Path, seed: int) -> dict[str, Head]:
    files = {name: cache / f"pair_{name}_{seed}.npz" for name in MODALITIES_OF_PAIR}
    if not all(file.exists() for file in files.values()):
        cache.mkdir(parents=True, exist_ok=True)
        for name, head in make_pair(seed).items():
            write_npz(files[name], **vars(head))
    return {name: Head(**read_npz(file)) for name, file in files.items()}
