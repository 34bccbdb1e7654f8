"""Where a head has skin and the T1w has none: a face that was cut off, an image that ends too early.

Hospitals share images without a face, and no name or header tells it reliably. The template's skin,
carried to the head by the brain's registration, shows what is missing.
"""

from dataclasses import dataclass
from importlib.resources import files

import mne
import numpy as np
from scipy.spatial import cKDTree

from pipeline.face import FaceRegion
from pipeline.headmodel.meshes import surface_points
from pipeline.headmodel.t1w import Volume
from pipeline.warp import apply_affine

# Noses and chins differ from the template's by less than the first. Where a cut leaves the head, it
# is nearer to the skin than that: about what is certainly lost, the second will do.
CERTAINLY_LOST_MM, PROBABLY_LOST_MM = 10.0, 6.0
ABOUT_MM = 25.0
MIN_SHARE_OF_FACE = 0.2


@dataclass(frozen=True)
class LostSkin:
    """What the image lacks of the skin that the template has.

    Attributes
    ----------
    pos_mri_mm : ndarray, (n, 3)
        Points on the skin that is lost, about 5 mm apart.
    share_of_face : float
        What is certainly lost of the face within the image's field of view.
    """

    pos_mri_mm: np.ndarray
    share_of_face: float

    @property
    def defaced(self) -> bool:
        return self.share_of_face >= MIN_SHARE_OF_FACE


def find_lost_skin(
    t1w: Volume,
    head: Volume,
    scalp_mri_mm: np.ndarray,
    affine_mni305_to_mri: np.ndarray,
    face: FaceRegion,
) -> LostSkin:
    """Compare the template's skin with the image's.

    Parameters
    ----------
    t1w : Volume
    head : Volume
        What is within the image's scalp, as bool.
    scalp_mri_mm : ndarray, (n, 3)
    affine_mni305_to_mri : ndarray, (4, 4)
    face : FaceRegion
    """
    pos_mri_mm = apply_affine(affine_mni305_to_mri, _template_skin_mni305_mm())
    index = np.rint(apply_affine(np.linalg.inv(head.affine), pos_mri_mm)).astype(int)
    held = _within(index, head.data.shape)
    held[held] = head.data[tuple(index[held].T)]
    outside_mm = np.where(held, 0, cKDTree(scalp_mri_mm).query(pos_mri_mm)[0])
    certain = outside_mm > CERTAINLY_LOST_MM
    about = cKDTree(pos_mri_mm[certain]).query(pos_mri_mm)[0] < ABOUT_MM
    lost = about & (outside_mm > PROBABLY_LOST_MM)
    index = apply_affine(np.linalg.inv(t1w.affine), pos_mri_mm)
    seen_face = face.holds(pos_mri_mm) & _within(index, t1w.data.shape)
    return LostSkin(pos_mri_mm[lost], float(certain[seen_face].mean()) if seen_face.any() else 0.0)


def _within(index: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return np.all((index >= 0) & (index <= np.array(shape) - 1), axis=1)


def _template_skin_mni305_mm() -> np.ndarray:
    """Points on fsaverage's outer skin, as mne carries it."""
    path = files(mne) / "data" / "fsaverage" / "fsaverage-head.fif"
    skin = mne.read_bem_surfaces(path, verbose="error")[0]
    return surface_points(1000 * skin["rr"], skin["tris"], 2)
