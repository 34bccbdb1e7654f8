"""What no step of the pipeline may know: the truth of a virtual patient."""

from dataclasses import asdict
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from bids_app.demo.anatomy import Anatomy
from bids_app.demo.clinic import Implantation
from bids_app.demo.cortex import Patch, TrueCortex
from bids_app.demo.patient import Recording
from bids_app.demo.recipe import PatientRecipe
from bids_app.demo.recording import SFREQ
from bids_app.demo.sources import Source
from pipeline.files import atomic_path, write_json, write_npz
from pipeline.template import load_template
from pipeline.template.cortex import N_REGIONS, N_VERTICES


def write_truth(
    folder: Path,
    label: str,
    seed: int,
    anatomy: Anatomy,
    recorded: Recording,
    sources: list[Source],
    contacts: Implantation | None,
    recipe: PatientRecipe,
) -> None:
    """Write ``sub-<label>_truth.json``, ``.npz`` and ``_truth_events.tsv``.

    Foci are counted from 1 in the JSON and the table; arrays hold them in the same order. All
    positions are in the scanner RAS of the T1w (mm).
    """
    cortex, marks = anatomy.cortex, recorded.marks
    patches = [source.patch for source in sources]
    area_mm2 = _region_area_mm2(cortex, np.arange(len(cortex.pos_mri_mm)))
    active_mm2 = [_region_area_mm2(cortex, patch.vertices) for patch in patches]
    share = np.reshape(active_mm2, (len(sources), N_REGIONS)) / area_mm2
    write_json(
        folder / f"sub-{label}_truth.json",
        {
            "seed": seed,
            "recipe": asdict(recipe),
            "foci": [
                _focus(index, source, anatomy, share[index], marks.focus)
                for index, source in enumerate(sources)
            ],
            "n_true_spikes": int(marks.is_spike.sum()),
            "n_false_marks": int((~marks.is_spike).sum()),
            "folding_leadfield_correlation": recorded.folding_correlation,
            "transients_s": recorded.transients_s,
            "bad_channel": recorded.bad_channel,
            "head_mri_t": anatomy.digitisation.head_mri_t["trans"],
            "dev_head_t": _matrix(recorded.raw.info["dev_head_t"]),
            "dev_head_t_end": _matrix(recorded.dev_head_t_end),
        },
    )
    vertices = _joined([patch.vertices for patch in patches]).astype(int)
    write_npz(
        folder / f"sub-{label}_truth.npz",
        cortex_mri_mm=cortex.pos_mri_mm[:N_VERTICES],
        dense_cortex_mri_mm=cortex.pos_mri_mm[: cortex.n_cortical],
        dense_cortex_faces=cortex.faces,
        patch_focus=np.repeat(np.arange(len(patches)), [len(patch.vertices) for patch in patches]),
        patch_vertices=vertices,
        patch_weight=_joined([patch.weight for patch in patches]),
        patch_mri_mm=cortex.pos_mri_mm[vertices],
        region_area_mm2=area_mm2,
        region_active_share=share,
        mark_s=marks.mark_s,
        peak_s=marks.peak_s,
        mark_focus=marks.focus,
        spike_amplitude=marks.amplitude,
        pattern=np.array([source.pattern.sum(1) for source in sources]),
        ch_names=recorded.raw.ch_names[: len(recorded.compared_leadfield)],
        compared_leadfield=recorded.compared_leadfield,
        course_nam=recorded.course_nam,
        course_sfreq_hz=SFREQ,
        brain_mask=np.packbits(anatomy.brain_mask),
        brain_mask_shape=np.array(anatomy.brain_mask.shape),
        contacts_mri_mm=np.zeros((0, 3)) if contacts is None else contacts.true_mm,
        contacts_soz=np.zeros(0, bool) if contacts is None else contacts.soz,
    )
    table = pd.DataFrame(
        {
            "onset": marks.mark_s,
            "trial_type": marks.label,
            "focus": [str(focus + 1) if focus >= 0 else "n/a" for focus in marks.focus],
            "peak": np.where(marks.is_spike, np.round(marks.peak_s, 4), np.nan),
            "amplitude": np.round(marks.amplitude, 3),
        }
    )
    with atomic_path(folder / f"sub-{label}_truth_events.tsv") as tmp:
        table.to_csv(tmp, sep="\t", index=False, na_rep="n/a")


def _matrix(place: mne.Transform | None) -> np.ndarray | None:
    return None if place is None else place["trans"]


def _focus(index, source, anatomy, share, mark_focus):
    """What the JSON says of one focus."""
    template, cortex, patch = load_template(), anatomy.cortex, source.patch
    region = _region_at(cortex, patch)
    follows = source.focus.follows_s is not None
    return {
        "focus": index + 1,
        "follows_focus": 1 if follows else None,
        "lag_s": source.lag_s,
        "n_spikes": int((mark_focus == (0 if follows else index)).sum()),
        "sublobar": source.sublobar,
        "deep_structure": f"{source.sublobar.split()[0]} hippocampus"
        if patch.centre >= cortex.n_cortical
        else None,
        "region": region,
        "region_label": str(template.region_label[region]),
        "regions_half_active": np.flatnonzero(share >= 0.5),
        "patch_centre_mri_mm": cortex.pos_mri_mm[patch.centre],
        "patch_centroid_mri_mm": np.average(
            cortex.pos_mri_mm[patch.vertices],
            axis=0,
            weights=patch.weight * cortex.area_mm2[patch.vertices],
        ),
        "patch_area_cm2": cortex.area_mm2[patch.vertices].sum() / 100,
        "depth_below_inner_skull_mm": float(
            anatomy.depth_below_skull_mm(cortex.pos_mri_mm[patch.centre])[0]
        ),
        "peak_density_nam_per_mm2": source.density_nam_per_mm2,
        "single_spike_snr_db": source.snr_db,
    }


def _region_at(cortex: TrueCortex, patch: Patch) -> int:
    """Region of the labelled vertex that is nearest to the patch's centre."""
    vertex_region = load_template().vertex_region
    labelled = np.flatnonzero(vertex_region >= 0)
    offset_mm = cortex.pos_mri_mm[labelled] - cortex.pos_mri_mm[patch.centre]
    return int(vertex_region[labelled[np.argmin(np.linalg.norm(offset_mm, axis=1))]])


def _region_area_mm2(cortex: TrueCortex, vertices: np.ndarray) -> np.ndarray:
    """Area of some vertices in each region: (N_REGIONS,); what is no cortex has no part in it."""
    vertices = vertices[vertices < cortex.n_cortical]
    region = load_template().vertex_region[cortex.template_vertex[vertices]]
    inside = region >= 0
    return np.bincount(region[inside], cortex.area_mm2[vertices][inside], N_REGIONS)


def _joined(arrays):
    return np.concatenate(arrays) if arrays else np.zeros(0)
