"""The published source geometry and leadfields of DeepSIF, as this package's types."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from pipeline.synthesis.patches import RegionGraph, region_graph
from pipeline.template import SourceCortex, load_template

N_CHANNELS = 148


@dataclass(frozen=True)
class DeepSif:
    """What the authors of DeepSIF published.

    Attributes
    ----------
    cortex : SourceCortex
        fsaverage5 with their 994 regions, which cover the medial wall too.
    graph : RegionGraph
        Their neighbours, made symmetric: 212 of 6,304 links go one way only.
    generic_leadfield, tilted_leadfield : ndarray, (148, 994)
        T/(A m); the second under a helmet tilted by 5 degrees to the left.
    """

    cortex: SourceCortex
    graph: RegionGraph
    generic_leadfield: np.ndarray
    tilted_leadfield: np.ndarray


def read_deepsif(folder: Path) -> DeepSif:
    """Read the published ``.mat`` files."""
    mesh = loadmat(folder / "fs_cortex_20k.mat")
    mapping = loadmat(folder / "fs_cortex_20k_region_mapping.mat")
    cortex = SourceCortex(
        pos_mm=mesh["pos"],
        # Their vertices are fsaverage5's, in its order.
        inflated_mm=load_template().inflated_mm,
        faces=mesh["tri"].astype(int) - 1,
        vertex_region=mapping["rm"].ravel().astype(int),
    )
    neighbours = np.zeros((994, 994), bool)
    for region, of_region in enumerate(mapping["nbs"].ravel()):
        neighbours[region, of_region.ravel().astype(int) - 1] = True
    np.fill_diagonal(neighbours, False)
    graph = region_graph(cortex)
    return DeepSif(
        cortex=cortex,
        graph=RegionGraph(neighbours | neighbours.T, graph.inflated_mm, graph.distance_mm),
        generic_leadfield=_leadfield(folder / "leadfield_20k_meg_148.mat"),
        tilted_leadfield=_leadfield(folder / "leadfield_20k_meg_elec_left5.mat"),
    )


def _leadfield(path: Path) -> np.ndarray:
    return loadmat(path)["fwd"].astype(float)
