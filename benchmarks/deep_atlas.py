"""How far does the carried atlas of deep structures lie from FreeSurfer's on a real head?

    python -m benchmarks.deep_atlas DATA_DIR

DATA_DIR holds ``real_head``. Distances between centres of mass, mm, and the share of the voxels of
each that lie within 1 mm of the other. Results: ``benchmarks/results/deep_atlas.csv``.
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from pipeline.headmodel.brain import extract_brain
from pipeline.headmodel.freesurfer import read_talairach
from pipeline.headmodel.registration import register_template
from pipeline.headmodel.t1w import read_t1w
from pipeline.template.deep import (
    ASEG_LABELS,
    DEEP_NAMES,
    deep_atlas_mni152_mm,
    labelled_voxels_mm,
)
from pipeline.warp import HeadWarp

RESULTS = Path(__file__).parent / "results" / "deep_atlas.csv"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data_dir", type=Path)
    data = parser.parse_args().data_dir / "real_head"
    file = data / "bids/sub-real01/anat/sub-real01_T1w.nii.gz"
    t1w = read_t1w(file)
    warp, _ = register_template(t1w, extract_brain(t1w, file), "syn", 1)
    subject = data / "freesurfer/sub-real01"
    affine = read_talairach(subject)
    assert affine is not None  # the real head has one
    image = nib.load(subject / "mri/aseg.mgz")
    own = labelled_voxels_mm(np.asarray(image.dataobj), image.affine, ASEG_LABELS)
    rows = []
    for way, carry in (("syn", warp), ("talairach.xfm", HeadWarp.of_mni305_affine(affine))):
        for name, atlas_mm, own_mm in zip(DEEP_NAMES, deep_atlas_mni152_mm(), own, strict=True):
            carried_mm = carry.from_mni152(atlas_mm)
            apart = [
                cKDTree(b).query(a)[0] for a, b in ((carried_mm, own_mm), (own_mm, carried_mm))
            ]
            centres_mm = np.linalg.norm(carried_mm.mean(0) - own_mm.mean(0))
            row = {"carried_by": way, "structure": name, "centres_apart_mm": round(centres_mm, 1)}
            row |= {"atlas_within_1_mm": round(float((apart[0] < 1).mean()), 2)}
            rows.append(row | {"freesurfer_within_1_mm": round(float((apart[1] < 1).mean()), 2)})
    pd.DataFrame(rows).to_csv(RESULTS, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
