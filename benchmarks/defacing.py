"""How far the co-registration moves where the T1w was defaced.

    python benchmarks/defacing.py DATA DEMO

DATA holds ``real_head``, DEMO the ``bids`` folder that ``spikefocus demo`` wrote. Both T1w are
defaced by five rules and read as any patient's; points are drawn on the whole head with its face,
and the cortex is compared with where the whole image puts it and with where it truly is. The real
T1w was published without the lower face: there the template's skin stands for it. Results:
``benchmarks/results/defacing.csv``.
"""

import argparse
import tempfile
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from mne.transforms import get_ras_to_neuromag_trans
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial import cKDTree

from pipeline.errors import InvalidInput
from pipeline.headmodel.anatomy import Anatomy, build_anatomy
from pipeline.headmodel.config import Config, Inputs
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.t1w import Volume
from pipeline.progress import Progress
from pipeline.warp import apply_affine

RESULTS = Path(__file__).parent / "results" / "defacing.csv"
T1W = {
    "real": "real_head/bids/sub-real01/anat/sub-real01_T1w.nii.gz",
    "virtual": "bids/sub-01/anat/sub-01_T1w.nii.gz",
}
WHOLE = "none"
N_REPEATS = 5
N_POINTS = 200
SHARES_IN_FACE = (0.2, 0.7)
# Of a point about the skin, and of a landmark about where it was marked in the T1w.
POINT_SD_MM, LANDMARK_SD_MM = 2.0, 3.0
# How far a person's landmarks lie from a template's, in each direction.
PERSON_SD_MM = 3.0
BRAIN_MARGIN_MM, BLUR_MM, FILL_MM, PLANE_BUFFER_MM = 5.0, 8.0, 8.0, 10.0
PLANE_NORMAL = np.array([0.0, 0.75, -0.66])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("demo", type=Path)
    args = parser.parse_args()
    mne.set_log_level("error")
    rows = []
    for head, root in (("virtual", args.demo), ("real", args.data)):
        whole = read_anatomy(root / T1W[head])
        images = {WHOLE: whole}
        for rule, deface in RULES.items():
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "sub-01_T1w.nii.gz"
                defaced = deface(whole).astype(np.float32)
                nib.save(nib.Nifti1Image(defaced, whole.t1w.affine), file)
                images[rule] = read_anatomy(file)
            print(
                head, rule, f"face missing: {images[rule].lost_skin.share_of_face:.2f}", flush=True
            )
        rows += measure(head, images)
        pd.DataFrame(rows).to_csv(RESULTS, index=False, float_format="%.3g", lineterminator="\n")
    print(pd.DataFrame(rows).to_string(index=False))


def read_anatomy(t1w: Path) -> Anatomy:
    """By the affine alone, which carries landmarks and skin under either registration."""
    return build_anatomy(Inputs(t1w, None, None, []), Config(registration="affine"), Progress())


def positions_mni152_mm(volume: Volume, mni152_to_mri: np.ndarray) -> list[np.ndarray]:
    """To the right, front and top of every voxel (i, j, k)."""
    affine = np.linalg.inv(mni152_to_mri) @ volume.affine
    index = np.ogrid[tuple(slice(n) for n in volume.data.shape)]
    return [sum(row[axis] * index[axis] for axis in range(3)) + row[3] for row in affine[:3]]


def face(head: Anatomy, ears: bool = False) -> np.ndarray:
    """Voxels (i, j, k) below the brows and in front of the ears, and those of the outer ears."""
    right, front, up = positions_mni152_mm(head.t1w, head.warp.affine)
    found = (front > 15) & (up < -12) & np.full(head.t1w.data.shape, True)
    if ears:
        found |= (np.abs(right) > 68) & (front > -70) & (up > -85) & (up < -10)
    reach = round(BRAIN_MARGIN_MM / head.t1w.voxel_mm.mean())
    return found & ~binary_dilation(head.brain_mask, iterations=reach)


def zeroed(head: Anatomy, ears: bool = False) -> np.ndarray:
    return np.where(face(head, ears), 0, head.t1w.data)


def cut_by_plane(head: Anatomy) -> np.ndarray:
    """All in front of and below a plane before the brain."""
    out = sum(
        direction * position
        for direction, position in zip(
            PLANE_NORMAL, positions_mni152_mm(head.t1w, head.warp.affine), strict=True
        )
    )
    return np.where(out > out[head.brain_mask].max() + PLANE_BUFFER_MM, 0, head.t1w.data)


def filled(head: Anatomy) -> np.ndarray:
    """Random intensities of tissue in the face and somewhat before it."""
    data = head.t1w.data
    index = apply_affine(np.linalg.inv(head.t1w.affine), head.scalp[0])
    near = np.zeros(data.shape, bool)
    near[tuple(np.clip(np.rint(index).astype(int), 0, np.array(data.shape) - 1).T)] = True
    near = binary_dilation(near, iterations=round(FILL_MM / head.t1w.voxel_mm.mean()))
    tissue = data[head.brain_mask]
    noise = np.random.default_rng(1).choice(tissue, data.shape)
    return np.where(face(head) & (near | (data > 0.25 * np.median(tissue))), noise, data)


def blurred(head: Anatomy) -> np.ndarray:
    blur = gaussian_filter(head.t1w.data, BLUR_MM / head.t1w.voxel_mm)
    return np.where(face(head), blur, head.t1w.data)


RULES = {
    "face zeroed": zeroed,
    "face and ears zeroed": lambda head: zeroed(head, ears=True),
    "cut by a plane": cut_by_plane,
    "face filled with noise": filled,
    "face blurred": blurred,
}


def measure(head: str, images: dict[str, Anatomy]) -> list[dict]:
    """A row for each rule, share of points in the face and kind of landmarks."""
    rows = []
    for share in SHARES_IN_FACE:
        for marked in (False, True):
            of = [place_in_all(images, share, marked, seed) for seed in range(N_REPEATS)]
            for rule in images:
                moved, error, n_beyond, n_used = np.array([each[rule] for each in of]).T
                rows.append(
                    {
                        "head": head,
                        "defacing": rule,
                        "share_of_points_in_face": share,
                        "landmarks": "marked" if marked else "template",
                        "refused": int(np.isnan(moved).sum()),
                        "to_whole_image_median_mm": np.nanmedian(moved),
                        "to_whole_image_largest_mm": np.nanmax(moved),
                        "to_truth_median_mm": np.nanmedian(error),
                        "to_truth_largest_mm": np.nanmax(error),
                        "points_where_skin_is_missing": np.nanmedian(n_beyond),
                        "points_used": np.nanmedian(n_used),
                    }
                )
    return rows


def place_in_all(images: dict[str, Anatomy], share: float, marked: bool, seed: int) -> dict:
    """One digitisation, placed in each image.

    Returns
    -------
    dict of str to tuple
        Median over the cortex to where the whole image puts it, and to the truth, mm; numbers of
        points where skin is missing and used. Not numbers where it was refused.
    """
    rng = np.random.default_rng(seed)
    whole = images[WHOLE]
    true_mm, points_mm = _digitised(whole, share, rng)
    to_head = get_ras_to_neuromag_trans(*(true_mm[name] / 1000 for name in true_mm))
    landmarks_head_m = {
        name: apply_affine(to_head, (mm + rng.normal(0, LANDMARK_SD_MM / np.sqrt(3), 3)) / 1000)
        for name, mm in true_mm.items()
    }
    points_head_m = apply_affine(to_head, points_mm / 1000)
    cortex_mm = whole.cortex.midthickness_mri_mm
    in_head_m = apply_affine(to_head, cortex_mm / 1000)
    found, on_whole_mm = {}, None
    for rule, anatomy in images.items():
        try:
            placement = coregister(
                landmarks_head_m,
                points_head_m,
                true_mm if marked else anatomy.landmarks_mri_mm,
                marked,
                *anatomy.scalp,
                Config().max_head_point_mm,
                Path("sub-01_meg.fif"),
                anatomy.lost_skin.pos_mri_mm,
            )
        except InvalidInput:
            found[rule] = (np.nan,) * 4
            continue
        placed_mm = 1000 * apply_affine(placement.head_to_mri["trans"], in_head_m)
        on_whole_mm = placed_mm if rule == WHOLE else on_whole_mm
        found[rule] = (
            np.median(np.linalg.norm(placed_mm - on_whole_mm, axis=1)),
            np.median(np.linalg.norm(placed_mm - cortex_mm, axis=1)),
            placement.beyond.sum(),
            placement.used.sum(),
        )
    return found


def _digitised(whole: Anatomy, share: float, rng: np.random.Generator):
    """True landmarks by name, and points (n, 3) on the whole skin, mm."""
    skin_mm = np.vstack([whole.scalp[0], whole.lost_skin.pos_mri_mm])
    _, front, up = apply_affine(np.linalg.inv(whole.warp.affine), skin_mm).T
    true_scalp = cKDTree(whole.lost_skin.pos_mri_mm).query(skin_mm)[0] > 12
    outer = true_scalp | (np.arange(len(skin_mm)) >= len(whole.scalp[0]))
    in_face = np.flatnonzero(outer & (front > 30) & (up < -5) & (up > -75))
    above = np.flatnonzero(outer & ((up > -5) | ((front < 0) & (up > -40))))
    n_face = round(share * N_POINTS)
    chosen = np.concatenate([rng.choice(in_face, n_face), rng.choice(above, N_POINTS - n_face)])
    points_mm = skin_mm[chosen] + rng.normal(0, POINT_SD_MM / np.sqrt(3), (N_POINTS, 3))
    landmarks_mm = {
        name: whole.landmarks_mri_mm[name] + rng.normal(0, PERSON_SD_MM, 3)
        for name in ("nasion", "lpa", "rpa")
    }
    return landmarks_mm, points_mm


if __name__ == "__main__":
    main()
