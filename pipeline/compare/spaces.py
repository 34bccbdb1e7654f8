"""Bringing positions from MNI space and from other images of the patient to the T1w."""

from pathlib import Path

import numpy as np

from pipeline.compare.frames import MNI305, T1W, Frame
from pipeline.compare.images import MAX_INCONSISTENCY_MM, read_image, register_rigidly
from pipeline.compare.placing import Carried
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.headmodel.t1w import read_t1w
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.warp import apply_affine, read_warp

POOR_MNI_FIT_MM = 10.0


class Spaces:
    """Carries positions to the T1w; every image is registered once."""

    def __init__(self, t1w: Path, paths: PatientPaths, progress: Progress):
        self._t1w, self._paths, self._progress = t1w, paths, progress
        self._registered: dict[Path, Carried | str] = {}

    def carry(self, frame: Frame) -> Carried | str:
        """How positions of a frame come to the T1w, or why they can't."""
        if frame.kind == T1W:
            return Carried(lambda pos_mm: pos_mm, "given in the T1w's scanner RAS")
        if frame.image is not None:
            if frame.image not in self._registered:
                with self._progress.step(f"register {frame.image.name} to the T1w"):
                    self._registered[frame.image] = _carried_by_image(frame.image, self._t1w)
            return self._registered[frame.image]
        return self._carried_by_template(frame)

    def _carried_by_template(self, frame: Frame) -> Carried:
        warp = read_warp(self._paths.template_xfm)
        by = read_json(self._paths.template_xfm.with_suffix(".json"))
        method, quality = by["Method"], by["Quality"]
        off_mm = quality.get("same_vertex_distance_median_mm", 0)
        warning = (
            f"Contacts in {frame.space} space were brought to the T1w by {method}: their positions "
            "are those of the template's anatomy, and can be several millimetres off"
        )
        warning += (
            f"; it fits this cortex poorly ({off_mm:.0f} mm)." if off_mm > POOR_MNI_FIT_MM else "."
        )
        to_mri_mm = warp.from_mni305 if frame.kind == MNI305 else warp.from_mni152
        return Carried(to_mri_mm, method, quality, warning)


def _carried_by_image(image: Path, t1w: Path) -> Carried | str:
    volume = read_t1w(t1w)
    try:
        moving = read_image(image, "image of the contacts")
        fit = register_rigidly(moving, volume)
    except InvalidInput as error:
        return f"the coordinates refer to {image.name}: {error.message}"
    if fit.inconsistency_mm > MAX_INCONSISTENCY_MM:
        return (
            f"the coordinates refer to {image.name}, whose registration to the T1w is not reliable: "
            f"forward and backward differ by {fit.inconsistency_mm:.1f} mm"
        )

    def to_mri_mm(pos_mm: np.ndarray) -> np.ndarray:
        return apply_affine(fit.to_t1w, pos_mm)

    method = f"rigid registration of {image.name} to the T1w by mutual information"
    return Carried(to_mri_mm, method, fit.quality, doubts=moving.doubts)
