"""A region of cortex that holds the source's centre with a stated probability.

Conformal prediction (Lei et al. 2018, J Am Stat Assoc 113:1094; across heads as in Barber et al. 2021,
Ann Stat 49:486) with a score that is scaled by how difficult a spike looks: all cortex within a radius of where the map is centred, the radius
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

from pipeline.methods._network import Network
from pipeline.records.document import read_record
from pipeline.records.image_qc import Grade, RegionQC
from pipeline.sampling import NETWORK_SFREQ_HZ
from pipeline.whitening import snr_db

TABLE = Path(str(files("pipeline.image") / "region_calibration.json"))
# Mean thickness of cortex (Fischl and Dale 2000, PNAS 97:11050).
CORTEX_MM = 2.5
# Of the maximum: what belongs to the peak's own hill, and how far from it that may lie.
HILL_SHARE, HILL_MM = 0.5, 30.0
LEAST_MM = 1.0
NEAR_PEAK_S = 0.016


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


def near_peak(network: Network, spikes: np.ndarray) -> np.ndarray:
    """What a network reads of single spikes (n, n_channels, n_times) around their peak: (n, rank, 5)."""
    step = max(1, round(network.sfreq_hz / NETWORK_SFREQ_HZ))
    near = np.abs(network.times_s) < NEAR_PEAK_S + 1e-6
    return network.whiten @ spikes[:, :, network.start :: step][:, :, near]


def sloreta_map(network: Network, white: np.ndarray) -> np.ndarray:
    """sLORETA's map of the three middle samples of an average (rank, 5), by the network's own kernel."""
    return np.abs(network.projection.kernel.numpy() @ white[:, 1:-1]).mean(axis=1)


def region_of(
    maps: np.ndarray,
    network: Network,
    spikes: np.ndarray,
    leadfield: np.ndarray,
    template_path: bool,
    region_pos_mm: np.ndarray,
    region_area_mm2: np.ndarray,
) -> RegionQC:
    """The region of a spike that a network has imaged.

    Parameters
    ----------
    maps : ndarray, (1 + n_resamples, n_regions)
        Of the average, and of averages of resampled spikes.
    network : Network
    spikes : ndarray, (n_spikes, n_channels, n_times)
    leadfield : ndarray, (n_channels, n_regions)
        With the recording's projectors.
    template_path : bool
    region_pos_mm : ndarray, (n_regions, 3)
    region_area_mm2 : ndarray, (n_regions,)
    """
    white = near_peak(network, spikes)
    evidence = evidence_of(
        maps[0],
        maps[1:],
        sloreta_map(network, white.mean(axis=0)),
        np.linalg.norm(network.whiten @ leadfield, axis=0),
        snr_db(white),
        template_path,
        region_pos_mm,
        region_area_mm2,
    )
    table = load_calibration()
    centre, _ = centre_mm(maps[0], region_pos_mm, region_area_mm2)
    radius_mm = table.radius_mm(evidence)
    held = held_regions(centre, radius_mm, region_pos_mm)
    return RegionQC(
        coverage=table.coverage,
        centre_mri_mm=tuple(centre.tolist()),
        radius_mm=radius_mm,
        volume_cm3=volume_cm3(held, region_area_mm2),
        grade=table.grade(radius_mm).name,
        evidence={name: float(value) for name, value in vars(evidence).items()},
        grades=table.grades,
        test_coverage=table.test_coverage,
        calibration_spikes=table.calibration_spikes,
        calibration_heads=table.calibration_heads,
        test_spikes=table.test_spikes,
        test_heads=table.test_heads,
    )


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
