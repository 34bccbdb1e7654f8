"""What the stage writes of the head's outside: scalp and digitised points, without a face."""

import mne
import numpy as np
import pandas as pd

from pipeline.face import KEPT, NOT_WHOLLY_REMOVED, REMOVED
from pipeline.files import write_json, write_text
from pipeline.headmodel.anatomy import Anatomy
from pipeline.headmodel.coregistration import Placement
from pipeline.headmodel.meshes import mask_surface
from pipeline.headmodel.outputs import write_surface
from pipeline.paths import PatientPaths
from pipeline.tables import described

POINT_COLUMNS = {
    "x": ("To the right, scanner RAS of the T1w", "mm"),
    "y": ("To the front, scanner RAS of the T1w", "mm"),
    "z": ("Upwards, scanner RAS of the T1w", "mm"),
    "distance_mm": ("Distance from the scalp of the T1w", "mm"),
    "used": ("Whether the co-registration used it", None),
}


def write_head(
    paths: PatientPaths,
    anatomy: Anatomy,
    head_points_head_m: np.ndarray,
    placement: Placement,
    keep_face: bool,
) -> tuple[str, list[str]]:
    """Write scalp and head points; say what became of the face, and what the reader must know.

    Parameters
    ----------
    head_points_head_m : ndarray, (n, 3)
        Those of `placement`.
    """
    scalp, points_mri_mm = (
        anatomy.scalp,
        1000 * mne.transforms.apply_trans(placement.head_to_mri, head_points_head_m),
    )
    shown = np.ones(len(points_mri_mm), bool)
    if not keep_face:
        head, face = anatomy.head, anatomy.face
        scalp = mask_surface(head.data & ~face.voxels(head.data.shape, head.affine), head.affine)
        shown = ~face.holds(points_mri_mm)
    write_surface(paths.scalp, *scalp, {"GeometricType": "Anatomical"})
    _write_points(paths, points_mri_mm[shown], placement, shown)
    if keep_face:
        return KEPT, []
    if anatomy.face.reaches_eyes:
        return REMOVED, []
    return NOT_WHOLLY_REMOVED, [
        "what was found as brain reaches so far to the front that the face could not be wholly cut "
        "off: scalp, slices and report may show it"
    ]


def _write_points(paths, pos_mri_mm, placement, shown) -> None:
    table = pd.DataFrame(np.round(pos_mri_mm, 2), columns=list("xyz"))
    table["distance_mm"] = np.round(placement.head_point_distance_mm[shown], 2)
    table["used"] = np.where(placement.used[shown], "true", "false")
    write_text(paths.head_points, table.to_csv(sep="\t", index=False, lineterminator="\n"))
    write_json(paths.head_points.with_suffix(".json"), described(POINT_COLUMNS))
