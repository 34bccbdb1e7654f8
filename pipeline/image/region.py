"""A region of cortex that holds the source's centre with a stated probability.

Split conformal prediction (Lei et al. 2018, J Am Stat Assoc 113:1094) with a score that is scaled
by how difficult a spike looks: all cortex within a radius of where the map is centred, the radius
from what can be seen of a spike (`Evidence`), such that it holds the centre of the source in a
stated share of simulated spikes. ``python -m benchmarks.certainty calibrate`` makes the table
beside this file, on heads whose head model, co-registration, noise and mesh are wrong as they are
in patients, and tests it on others. It is calibrated on simulated patients: what these lack, it lacks.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from pipeline.records.document import read_record

TABLE = Path(str(files("pipeline.image") / "region_calibration.json"))
# Mean thickness of cortex (Fischl and Dale 2000, PNAS 97:11050).
CORTEX_MM = 2.5
# Of the maximum: what belongs to the peak's own hill, and how far from it that may lie.
HILL_SHARE, HILL_MM = 0.5, 30.0
LEAST_MM = 1.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is seen of a spike that tells how far its place may be off.

    Attributes
    ----------
    snr_db : float
        Of the average, as the networks read it.
    spread_mm : float
        Root mean square distance of the resampled averages' centres from the average's.
    apart_mm : float
        From the centre to sLORETA's maximum.
    hill_cm2 : float
        Area of the regions that the centre is made of.
    sensitivity_db : float
        Of the sensors to the region at the centre, over the median region.
    template_path : bool
        Whether the cortex is the template's, not FreeSurfer's.
    """

    snr_db: float
    spread_mm: float
    apart_mm: float
    hill_cm2: float
    sensitivity_db: float
    template_path: bool

    @property
    def features(self) -> np.ndarray:
        """What the logarithm of the radius is linear in (7,)."""
        return np.array(
            [
                np.clip(self.snr_db, 0, 25) / 10,
                np.log(self.spread_mm + 2),
                np.log(self.apart_mm + 5),
                np.log(self.hill_cm2 + 1),
                np.clip(self.sensitivity_db, -20, 20) / 10,
                float(self.template_path),
                1.0,
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Grade:
    """What a grade of certainty meant on virtual patients that nothing was calibrated on.

    Attributes
    ----------
    name : str
        "A", "B" or "C".
    up_to_radius_mm : float
        Of the region that holds the source in `Calibration.coverage`.
    n_spikes : int
    median_error_mm, percentile_90_error_mm : float
        From the map's centre to the source's.
    within_15_mm, covered : float
        Share of the spikes.
    """

    name: str
    up_to_radius_mm: float
    n_spikes: int
    median_error_mm: float
    percentile_90_error_mm: float
    within_15_mm: float
    covered: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The table that ``benchmarks.certainty`` makes.

    Attributes
    ----------
    coverage : float
        Share of the spikes whose source's centre lies in the region.
    weights : tuple of float, (7,)
        Of `Evidence.features`; the logarithm of the radius in mm.
    grades : tuple of Grade
    generic_sha256 : str
        Of the network's weights that it holds for.
    calibration_spikes, calibration_heads, test_spikes, test_heads : int
    test_coverage : float
    """

    coverage: float
    weights: tuple[float, ...]
    grades: tuple[Grade, ...]
    generic_sha256: str
    calibration_spikes: int
    calibration_heads: int
    test_spikes: int
    test_heads: int
    test_coverage: float

    def radius_mm(self, evidence: Evidence) -> float:
        return float(np.exp(evidence.features @ np.array(self.weights)))

    def grade(self, radius_mm: float) -> Grade:
        fitting = [each for each in self.grades if radius_mm <= each.up_to_radius_mm]
        return (fitting or self.grades[-1:])[0]


@cache
def load_calibration() -> Calibration:
    return read_record(Calibration, TABLE, "run python -m benchmarks.certainty calibrate")


def centre_mm(
    peak_map: np.ndarray, region_pos_mm: np.ndarray, region_area_mm2: np.ndarray
) -> tuple[np.ndarray, float]:
    """Centre (3,) of the hill around a map's maximum (n_regions,), and the hill's area in cm².

    A maximum jumps from region to region; the hill around it is finer than they are.
    """
    away_mm = np.linalg.norm(region_pos_mm - region_pos_mm[peak_map.argmax()], axis=1)
    hill = (peak_map >= HILL_SHARE * peak_map.max()) & (away_mm <= HILL_MM)
    weight = np.where(hill, peak_map * region_area_mm2, 0)
    return weight @ region_pos_mm / weight.sum(), float(region_area_mm2[hill].sum() / 100)


def evidence_of(
    peak_map: np.ndarray,
    resampled: np.ndarray,
    sloreta_map: np.ndarray,
    sensitivity: np.ndarray,
    snr_db: float,
    template_path: bool,
    region_pos_mm: np.ndarray,
    region_area_mm2: np.ndarray,
) -> Evidence:
    """What is seen of a spike.

    Parameters
    ----------
    peak_map : ndarray, (n_regions,)
        Of the average.
    resampled : ndarray, (n_resamples, n_regions)
        Of averages of resampled spikes.
    sloreta_map : ndarray, (n_regions,)
    sensitivity : ndarray, (n_regions,)
        Size of each region's whitened field.
    snr_db : float
    template_path : bool
    region_pos_mm : ndarray, (n_regions, 3)
    region_area_mm2 : ndarray, (n_regions,)
    """
    centre, hill_cm2 = centre_mm(peak_map, region_pos_mm, region_area_mm2)
    others = np.array([centre_mm(each, region_pos_mm, region_area_mm2)[0] for each in resampled])
    at_centre = sensitivity[np.linalg.norm(region_pos_mm - centre, axis=1).argmin()]
    return Evidence(
        snr_db=float(snr_db),
        spread_mm=float(np.sqrt(np.mean(np.sum((others - centre) ** 2, axis=1)))),
        apart_mm=float(np.linalg.norm(region_pos_mm[sloreta_map.argmax()] - centre)),
        hill_cm2=hill_cm2,
        sensitivity_db=float(20 * np.log10(at_centre / np.median(sensitivity))),
        template_path=template_path,
    )


def held_regions(centre: np.ndarray, radius_mm: float, region_pos_mm: np.ndarray) -> np.ndarray:
    """Regions (n_regions,) bool within a radius of a place, or the one nearest to it."""
    away_mm = np.linalg.norm(region_pos_mm - centre, axis=1)
    return away_mm <= max(radius_mm, away_mm.min())


def volume_cm3(held: np.ndarray, region_area_mm2: np.ndarray) -> float:
    """Volume of cortex in regions."""
    return float(region_area_mm2[held].sum() * CORTEX_MM / 1000)
