"""What a method finds: a map of the regions, or a point."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from pipeline.files import read_npz, write_json, write_npz
from pipeline.localisation import otsu_extent, peak_map
from pipeline.paths import PatientPaths
from pipeline.records.document import document, read_record
from pipeline.records.head import Head

_ARRAYS = {
    "activity": "Activity of each region over time (regions x times)",
    "times_s": "Time of each sample, the spike's peak at 0, s",
    "peak_map": "Mean absolute activity of each region around the peak",
    "otsu_threshold": "Otsu's threshold of peak_map, 100 bins",
    "extent": "Whether a region lies above the threshold",
}


@dataclass(frozen=True, kw_only=True)
class MapSummary:
    """Where a map's maximum lies and how far its extent reaches; threshold in the map's unit."""

    max_region: int
    max_pos_mri_mm: tuple[float, float, float]
    max_label: str
    max_sublobar: str
    otsu_threshold: float
    n_extent_regions: int
    extent_area_cm2: float


@dataclass(frozen=True, eq=False)
class Distributed:
    """A solution on the 994 regions.

    Attributes
    ----------
    activity : ndarray float32, (994, n_times)
    times_s : ndarray, (n_times,)
    peak_map : ndarray, (994,)
        Mean absolute activity around the spike's peak.
    otsu_threshold : float
        In the unit of `peak_map`.
    extent : ndarray of bool, (994,)
    unit : str
    """

    activity: np.ndarray
    times_s: np.ndarray
    peak_map: np.ndarray
    otsu_threshold: float
    extent: np.ndarray
    unit: str

    @property
    def max_region(self) -> int:
        return int(self.peak_map.argmax())

    @property
    def share(self) -> np.ndarray:
        """The map as share of its maximum (994,)."""
        return self.peak_map / self.peak_map.max()

    def max_mri_mm(self, head: Head) -> np.ndarray:
        return head.region_pos_mri_mm[self.max_region]

    def summary(self, head: Head) -> MapSummary:
        region = self.max_region
        x_mm, y_mm, z_mm = self.max_mri_mm(head).tolist()
        return MapSummary(
            max_region=region,
            max_pos_mri_mm=(x_mm, y_mm, z_mm),
            max_label=str(head.region_label[region]),
            max_sublobar=head.sublobar(region),
            otsu_threshold=self.otsu_threshold,
            n_extent_regions=int(self.extent.sum()),
            extent_area_cm2=float(head.region_area_mm2[self.extent].sum() / 100),
        )


@dataclass(frozen=True, eq=False)
class Point:
    """A dipole.

    Attributes
    ----------
    pos_mri_mm : ndarray, (3,)
    direction_mri : ndarray, (3,)
        Of unit length.
    moment_am : float
    gof_percent : float
    confidence_volume_cm3 : float or None
        Of the joint 95 % ellipsoid of the place; None at the edge of the inner skull.
    time_s : float
        The instant that fits best, the spike's peak at 0.
    nearest_region : int
    nearest_label, nearest_sublobar : str
        Of the cortex nearest to it.
    """

    pos_mri_mm: np.ndarray
    direction_mri: np.ndarray
    moment_am: float
    gof_percent: float
    confidence_volume_cm3: float | None
    time_s: float
    nearest_region: int
    nearest_label: str
    nearest_sublobar: str

    def max_mri_mm(self, head: Head) -> np.ndarray:
        """The dipole's own place."""
        return self.pos_mri_mm

    def summary(self, head: Head) -> "Point":
        """Itself: a dipole is its own summary."""
        return self


Solution = Distributed | Point


def distributed(
    activity: np.ndarray, times_s: np.ndarray, window_s: float, unit: str
) -> Distributed:
    """The solution of region time courses (994, n_times); `NoExtent` where it has none."""
    values = peak_map(activity, times_s, window_s)
    threshold, extent = otsu_extent(values)
    return Distributed(activity.astype(np.float32), times_s, values, threshold, extent, unit)


def distances_between_maxima(solutions: dict[str, Solution], head: Head) -> dict[str, float]:
    """Distance in mm between the maxima (the dipole's position) of each pair of methods."""
    position = {name: solution.max_mri_mm(head) for name, solution in solutions.items()}
    return {
        f"{first}-{second}": float(np.linalg.norm(position[first] - position[second]))
        for first, second in combinations(position, 2)
    }


def read_distributed(paths: PatientPaths, method: str) -> Distributed:
    stored = read_npz(paths.sources(method))
    return Distributed(
        activity=stored["activity"],
        times_s=stored["times_s"],
        peak_map=stored["peak_map"],
        otsu_threshold=float(stored["otsu_threshold"]),
        extent=stored["extent"],
        unit=str(stored["unit"]),
    )


def read_point(paths: PatientPaths, method: str) -> Point:
    return read_record(Point, paths.point(method), "run the image stage again")


def write_distributed(paths: PatientPaths, method: str, solution: Distributed) -> None:
    """Write the region time courses, map and extent, with a sidecar that describes them."""
    file = paths.sources(method)
    arrays = {name: np.asarray(getattr(solution, name)) for name in (*_ARRAYS, "unit")}
    write_npz(file, **arrays)
    write_json(sidecar(file), {"Method": method, "Units": solution.unit, "Arrays": _ARRAYS})


def write_point(paths: PatientPaths, method: str, point: Point) -> None:
    write_json(paths.point(method), document(point))


def sidecar(path: Path) -> Path:
    """The JSON file that describes `path`."""
    return path.with_name(path.name.split(".")[0] + ".json")
