"""Deep structures of the test heads, whose members (`pipeline.synthesis.population`) have cortex alone.

The average brain's structures are carried into a head by the very deformation that made its cortex, truly and
as it is known: with the errors of co-registration and of the carried cortex, point by point. That the shape of a patient's own structures
differs from the average's beyond these is not in it.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import mne
import numpy as np
import torch
from mne.transforms import Transform, apply_trans

from benchmarks.systems.heads import channels_of, known_field, true_field, whitener_of
from pipeline.files import read_npz, write_npz
from pipeline.free_leadfield import free_leadfield
from pipeline.headmodel.deep import points_of
from pipeline.modality import modality_of
from pipeline.synthesis.population import Member, random_head, template_skull
from pipeline.systems._system import DeepField, Field
from pipeline.template.deep import deep_atlas_mni152_mm
from pipeline.warp import MNI305_TO_MNI152


def fields_with_deep(name: str, member: Member, work: Path) -> tuple[Field, Field]:
    """The known and the true field of a member of `heads.test_members` by its name, with deep structures."""
    array, seed = name.split()
    path = work / "population" / f"deep_{array}_{seed}.npz"
    if not path.exists():
        write_npz(path, **_made(array, int(seed)))
    stored = read_npz(path)
    structure = torch.as_tensor(stored["structure"])
    whiten = channels_of(member) @ whitener_of(member)

    def deep(kind: str) -> DeepField:
        gain = np.einsum("ij,jnd->ind", whiten, stored[f"{kind}_leadfield"])
        # Both have the places of truth, as the regions have: errors are of the answer alone.
        pos_mm = torch.as_tensor(stored["true_pos_mm"], dtype=torch.float32)
        return DeepField.of(torch.as_tensor(gain).float(), pos_mm, structure)

    return (
        replace(known_field(member), deep=deep("known")),
        replace(true_field(member), deep=deep("true")),
    )


@lru_cache(maxsize=4)
def columns_of(field: Field) -> Field:
    """Every direction of a deep point as a source of its own, for methods that know nothing of directions."""
    assert field.deep is not None
    n_deep = 3 * len(field.deep.pos_mm)
    near = field.deep.neighbours.repeat_interleave(3, 0).repeat_interleave(3, 1)
    return replace(
        field,
        gain=torch.cat([field.gain, field.deep.gain.flatten(1)], 1),
        pos_mm=torch.cat([field.pos_mm, field.deep.pos_mm.repeat_interleave(3, 0)]),
        neighbours=torch.block_diag(field.neighbours.float(), near.float()) > 0,
        area_mm2=torch.cat([field.area_mm2, field.area_mm2.mean().expand(n_deep)]),
        deep=None,
    )


def sizes_of(columns: torch.Tensor, field: Field) -> torch.Tensor:
    """Sizes (n, n_sources + n_deep) of what a method answers to `columns_of` a field (n, n_sources + 3 n_deep)."""
    n_cortex = len(field.pos_mm)
    deep = columns[:, n_cortex:].unflatten(1, (-1, 3)).norm(dim=2)
    return torch.cat([columns[:, :n_cortex].abs(), deep], 1)


def _made(array: str, seed: int) -> dict[str, np.ndarray]:
    info = mne.channels.montage.read_meg_canonical_info(array)
    head = random_head(info, np.random.default_rng(seed))
    to_mni305 = np.linalg.inv(MNI305_TO_MNI152)
    voxels = tuple(apply_trans(to_mni305, own) for own in deep_atlas_mni152_mm())
    pos_mm, structure = points_of(voxels, 1.0)
    places = {
        "true": (head.deform, head.device_to_head),
        "known": (head.estimated_deform, head.estimated_device_to_head),
    }
    made = {"structure": structure, "true_pos_mm": head.deform(pos_mm)}
    skull_mm, faces = template_skull()
    for kind, (deform, device_to_head) in places.items():
        sensors = info.copy()
        with sensors._unlock():
            sensors["dev_head_t"] = Transform("meg", "head", device_to_head)
        conductor = modality_of(sensors).conductor(deform(skull_mm), faces, None)
        identity = Transform("head", "mri")
        made[f"{kind}_leadfield"] = free_leadfield(sensors, identity, conductor, deform(pos_mm))
    return made
