"""How often does the check of left and right by head points notice a mirrored head?

    python benchmarks/mirror.py DATA

DATA holds ``real_head`` and ``vendors``. Every head is digitised anew several times: landmarks, head
points all over hairy scalp and brow, errors of a given size. The product's own co-registration
and check then see the head as it is, and its mirror image. Heads are (`real`) a T1w whose points
are drawn on FreeSurfer's outer skin, while the scalp is the pipeline's own; (`shape`) three people
of whom only a dense digitised head shape is there: one half of its points makes the scalp, the other
is digitised; (`virtual`) random deformations of fsaverage's head, imaged as the demo's patients
are. Results: ``benchmarks/results/mirror.csv``.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from mne.transforms import apply_trans, get_ras_to_neuromag_trans
from scipy.spatial import ConvexHull
from scipy.special import sph_harm_y

from bids_app.demo.deformation import draw_deformation
from bids_app.demo.phantom import load_phantom
from bids_app.demo.recipe import PatientRecipe
from bids_app.demo.t1w import scan
from pipeline.headmodel.anatomy import head_from_freesurfer
from pipeline.headmodel.brain import extract_brain
from pipeline.headmodel.config import Config
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.freesurfer import read_reconstruction
from pipeline.headmodel.landmarks import template_landmarks_mni305_mm
from pipeline.headmodel.meshes import surface_points
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.sides import MIRROR, check_side
from pipeline.headmodel.t1w import Volume, read_t1w
from pipeline.warp import apply_affine

RESULTS = Path(__file__).parent / "results" / "mirror.csv"
SUBJECT = "sub-real01"
N_VIRTUAL, FIRST_SEED = 3, 500
N_POINTS = (0, 20, 50, 100, 150)
# Standard deviation in each direction; "hair" adds a layer of smoothly varying thickness.
NOISE_MM = {"1 mm": 1.0, "2 mm": 2.0, "3 mm": 3.0, "2 mm, hair": 2.0}
HAIR_MEAN_MM, HAIR_SD_MM, HAIR_WIDTH_MM = 2.0, 1.5, 40.0
# As landmarks carried from the template are off, and as digitised ones scatter (length).
CARRIED_MM, DIGITISED_MM = 10.0, 2.0
# Of the head shapes' fit: harmonics, and how strongly their curvature is held down.
DEGREE, STIFFNESS = 8, 1e-5
EXCHANGED = {"nasion": "nasion", "lpa": "rpa", "rpa": "lpa"}


@dataclass(frozen=True)
class Head:
    """Scalp as the product sees it, and landmarks and skin as they truly are; one frame, mm."""

    kind: str
    name: str
    scalp_mm: np.ndarray
    faces: np.ndarray
    landmarks_mm: dict[str, np.ndarray]
    skin_mm: np.ndarray

    def mirrored(self) -> "Head":
        """The image as a wrong header shows it; what is digitised stays."""
        marks = {
            name: apply_affine(MIRROR, self.landmarks_mm[other][None])[0]
            for name, other in EXCHANGED.items()
        }
        scalp_mm = apply_affine(MIRROR, self.scalp_mm)
        return Head(self.kind, self.name, scalp_mm, self.faces[:, ::-1], marks, self.skin_mm)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=4, help="digitisations of each kind")
    args = parser.parse_args()
    mne.set_log_level("error")
    rows = []
    for head in heads(args.data):
        rows += measure(head, args.draws)
        table = pd.DataFrame(rows)
        table.to_csv(RESULTS, index=False, lineterminator="\n")
        print(table.tail(len(N_POINTS) * len(NOISE_MM)).to_string(index=False), flush=True)
    counts = ["confirmed", "doubted", "noticed", "missed", "n"]
    print(table.groupby(["kind", "points", "noise"], sort=False)[counts].sum().to_string())


def heads(data: Path):
    """One head after the other."""
    for name in ("kit160", "kit157", "bti"):
        yield head_of_shape(data / "vendors", name)
    yield real_head(data / "real_head")
    for seed in range(FIRST_SEED, FIRST_SEED + N_VIRTUAL):
        yield virtual_head(seed)


def real_head(folder: Path) -> Head:
    freesurfer = folder / "freesurfer" / SUBJECT
    file = folder / "bids" / SUBJECT / "anat" / f"{SUBJECT}_T1w.nii.gz"
    t1w = read_t1w(file)
    brain_mask = extract_brain(t1w, file)
    scalp_mm, faces, *_ = scalp_surface(t1w, brain_mask, file)
    carried = head_from_freesurfer(freesurfer, t1w, brain_mask)
    skin, _ = nib.freesurfer.read_geometry(freesurfer / "bem" / "outer_skin.surf")
    skin_mm = apply_affine(read_reconstruction(freesurfer).to_scanner, skin)
    landmarks = {}
    for name, pos_mm in template_landmarks_mni305_mm().items():
        near_mm = apply_affine(carried.affine_mni305_to_mri, pos_mm[None])
        landmarks[name] = skin_mm[np.argmin(np.linalg.norm(skin_mm - near_mm, axis=1))]
    return Head("real", SUBJECT, scalp_mm, faces, landmarks, skin_mm)


def virtual_head(seed: int) -> Head:
    rng, phantom, recipe = np.random.default_rng(seed), load_phantom(), PatientRecipe()
    deformation = draw_deformation(rng, recipe.deformation_mm)
    image, brain_mask = scan(rng, phantom, deformation, recipe.voxel_mm)
    t1w = Volume(image.get_fdata(dtype=np.float32), image.affine)
    scalp_mm, faces, *_ = scalp_surface(t1w, brain_mask, Path("virtual"))
    skin_mm = deformation.to_patient(surface_points(phantom.head_vertices_mm, phantom.head_faces))
    landmarks = {
        name: deformation.to_patient(pos_mm[None])[0]
        for name, pos_mm in phantom.fiducials_mm.items()
    }
    return Head("virtual", f"virtual{seed}", scalp_mm, faces, landmarks, skin_mm)


def head_of_shape(vendors: Path, name: str) -> Head:
    """Half of the points make a surface of spherical harmonics about the head's middle."""
    kit, bti = vendors / "kit", vendors / "bti"
    if name == "bti":
        raw = mne.io.read_raw_bti(
            bti / "test_pdf_linux", bti / "test_config_linux", str(bti / "test_hs_linux")
        )
    else:
        stem, data = {
            "kit160": ("MQKIT_125", ("MQKIT_125_2sec.con", "MQKIT_125.mrk")),
            "kit157": ("test", ("test.sqd", "test_mrk.sqd")),
        }[name]
        recording, markers = (str(kit / file) for file in data)
        digitised = [str(kit / f"{stem}.{kind}") for kind in ("elp", "hsp")]
        raw = mne.io.read_raw_kit(recording, markers, *digitised)
    landmarks_m, points_m = digitised_points_head_m(raw.info, Path(name))
    landmarks = {name: 1000 * pos for name, pos in landmarks_m.items()}
    points_mm = np.random.default_rng(0).permutation(1000 * points_m)
    scalp_mm, faces = fitted_surface(points_mm[::2])
    return Head("shape", name, scalp_mm, faces, landmarks, points_mm[1::2])


def fitted_surface(points_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre_mm = np.array([0.0, 0.0, 40.0])
    orders = [(n, m) for n in range(DEGREE + 1) for m in range(-n, n + 1)]

    def harmonics(direction):
        polar = np.arccos(np.clip(direction[:, 2], -1, 1))
        azimuth = np.arctan2(direction[:, 1], direction[:, 0])
        waves = [(sph_harm_y(n, abs(m), polar, azimuth), m) for n, m in orders]
        return np.column_stack([wave.real if m >= 0 else wave.imag for wave, m in waves])

    arm_mm = points_mm - centre_mm
    radius_mm = np.linalg.norm(arm_mm, axis=1)
    basis = harmonics(arm_mm / radius_mm[:, None])
    penalty = STIFFNESS * len(points_mm) * np.diag([(n * (n + 1.0)) ** 2 for n, _ in orders])
    weights = np.linalg.solve(basis.T @ basis + penalty, basis.T @ radius_mm)
    rank = np.arange(8000) + 0.5
    height, angle = 1 - 2 * rank / 8000, np.pi * (1 + np.sqrt(5)) * rank
    flat = np.sqrt(1 - height**2)
    direction = np.column_stack([flat * np.cos(angle), flat * np.sin(angle), height])
    faces = ConvexHull(direction).simplices
    a, b, c = (direction[faces[:, corner]] for corner in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    faces[inwards] = faces[inwards, ::-1]
    return centre_mm + direction * (harmonics(direction) @ weights)[:, None], faces


def measure(head: Head, n_draws: int) -> list[dict]:
    """Rows with counts: a right head confirmed or doubted, a mirrored one noticed or missed."""
    rows = []
    for n_points in N_POINTS:
        for noise in NOISE_MM:
            verdicts = {False: [], True: []}
            for draw in range(n_draws):
                for mirrored, found in verdicts.items():
                    seen = head.mirrored() if mirrored else head
                    rng = np.random.default_rng((n_points, draw, mirrored))
                    found.append(verdict(rng, head, seen, n_points, noise))
            rows.append(
                {
                    "kind": head.kind,
                    "head": head.name,
                    "points": n_points,
                    "noise": noise,
                    "confirmed": verdicts[False].count(True),
                    "doubted": verdicts[False].count(False),
                    "noticed": verdicts[True].count(False),
                    "missed": verdicts[True].count(True),
                    "n": n_draws,
                }
            )
    return rows


def verdict(rng, head: Head, seen: Head, n_points: int, noise: str) -> bool | None:
    """What the product says of `head`, digitised, in the image that shows `seen`."""
    marks_mm = {
        name: pos + rng.normal(0, DIGITISED_MM / np.sqrt(3), 3)
        for name, pos in head.landmarks_mm.items()
    }
    to_head = get_ras_to_neuromag_trans(
        *(marks_mm[name] / 1000 for name in ("nasion", "lpa", "rpa"))
    )
    skin_m = apply_trans(to_head, head.skin_mm / 1000)
    reachable = skin_m[(skin_m[:, 2] > 0.01) & (skin_m[:, 1] > -0.09)]
    points_m = reachable[rng.choice(len(reachable), n_points, replace=False)]
    if "hair" in noise and n_points:
        points_m = points_m + hair_m(rng, points_m)
    points_m = points_m + rng.normal(0, NOISE_MM[noise] / 1000, points_m.shape)
    landmarks_m = {name: apply_trans(to_head, pos / 1000) for name, pos in marks_mm.items()}
    carried_mm = {
        name: pos + rng.normal(0, CARRIED_MM / np.sqrt(3), 3)
        for name, pos in seen.landmarks_mm.items()
    }
    surface, limit_mm = (seen.scalp_mm, seen.faces), Config().max_head_point_mm
    placed = coregister(
        landmarks_m, points_m, carried_mm, False, *surface, limit_mm, Path(head.name)
    )
    return check_side(
        placed.head_to_mri_mm, landmarks_m, points_m, carried_mm, *surface, limit_mm
    ).agrees


def hair_m(rng, points_m: np.ndarray) -> np.ndarray:
    """Outward offsets that neighbouring points share."""
    apart_mm = 1000 * np.linalg.norm(points_m[:, None] - points_m, axis=2)
    alike = np.exp(-0.5 * (apart_mm / HAIR_WIDTH_MM) ** 2) + 1e-6 * np.eye(len(points_m))
    smooth = np.linalg.cholesky(alike) @ rng.standard_normal(len(points_m))
    thick_mm = np.maximum(HAIR_MEAN_MM + HAIR_SD_MM * smooth, 0)
    outwards = points_m - np.array([0.0, 0.0, 0.04])
    return outwards / np.linalg.norm(outwards, axis=1)[:, None] * thick_mm[:, None] / 1000


if __name__ == "__main__":
    main()
