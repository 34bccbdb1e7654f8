"""Does a source in a deep structure explain the averaged spike as well as cortex does?

For each deep structure the best dipole in it, of any direction, is held against
the best patch of cortex, with current along its normals: both explain a share of the whitened
field's power around the peak. An extended patch of cortex looks like a dipole below it, so that a
dipole alone would make deep sources of cortical ones: the patches are what it has to beat. Where the
difference counts is no matter of noise alone but of errors of head model and co-registration;
``python -m benchmarks.deep_sources`` sets both borders on virtual patients, and measures on others
how often the answer is right (the table beside this file).
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from pipeline.errors import InvalidInput
from pipeline.methods._model import Problem
from pipeline.modality import modality_of
from pipeline.paths import PatientPaths
from pipeline.records.deep import DeepSources, deep_at_positions, read_deep
from pipeline.records.deep_qc import ALIKE, BETTER, WORSE, DeepQC, RateQC, StructureQC
from pipeline.records.document import read_record
from pipeline.records.headmodel_qc import read_headmodel_qc
from pipeline.records.spikes_qc import read_spikes_qc
from pipeline.template.deep import DEEP_NAMES
from pipeline.whitening import whitener

TABLE = Path(str(files("pipeline.image") / "deep_rates.json"))
# Of the three orthogonal dipoles at a point the weakest is nearly radial, and MEG nearly blind to it.
SEEN_DIRECTIONS = 2
RINGS = 3


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Rates of averages of some signal-to-noise ratios.

    Attributes
    ----------
    head_model : str
        "template" or "freesurfer".
    snr_db : tuple of float, (2,)
        Lowest and highest.
    rates : tuple of RateQC
    """

    head_model: str
    snr_db: tuple[float, float]
    rates: tuple[RateQC, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The table that ``benchmarks.deep_sources`` makes.

    Attributes
    ----------
    better_percent, worse_percent : dict of str to float
        By head model: differences in explained power, in percentage points, from which a deep
        structure counts as explaining better, and below which as explaining worse, than cortex.
    most_moment_nam : float
        Of the deep sources that borders and rates are of.
    development_heads, test_heads : int
    strata : tuple of Stratum
        Of the test heads.
    """

    better_percent: dict[str, float]
    worse_percent: dict[str, float]
    most_moment_nam: float
    development_heads: int
    test_heads: int
    strata: tuple[Stratum, ...]

    def verdict(self, head_model: str, difference_percent: float) -> str:
        """One of `BETTER`, `ALIKE` and `WORSE`."""
        if difference_percent >= self.better_percent[head_model]:
            return BETTER
        return ALIKE if difference_percent >= self.worse_percent[head_model] else WORSE

    def stratum(self, head_model: str, snr_db: float) -> Stratum:
        """Of the head model, the one that an SNR lies in or nearest to."""
        own = [each for each in self.strata if each.head_model == head_model]
        return min(own, key=lambda each: max(each.snr_db[0] - snr_db, snr_db - each.snr_db[1]))


@cache
def load_rule() -> Rule:
    """The table; `InvalidInput` where it is damaged."""
    return read_record(Rule, TABLE, "install spikefocus anew")


@dataclass(frozen=True, eq=False)
class Fit:
    """How well deep structures and cortex explain a field.

    Attributes
    ----------
    structures : dict of str to (float, int)
        Share of the power that the best point of each structure explains, and that point.
    patch_share : float
        That the best cortical patch explains.
    patch_centre : int
        Region at its centre.
    """

    structures: dict[str, tuple[float, int]]
    patch_share: float
    patch_centre: int

    @property
    def ranked(self) -> list[str]:
        """Names of the structures, the best first."""
        return sorted(self.structures, key=lambda name: -self.structures[name][0])


def cortical_patches(adjacency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patches (n, n_regions) bool and the region at the centre of each (n,).

    Each region alone, with its neighbours, with two and three rings of them, and each two neighbours.
    """
    n_regions = len(adjacency)
    one = np.eye(n_regions, dtype=bool)
    step = (adjacency | one).astype(np.float32)
    rings = [one]
    for _ in range(RINGS):
        rings.append(rings[-1].astype(np.float32) @ step > 0)
    first, second = np.nonzero(np.triu(adjacency))
    pairs = one[first] | one[second]
    return np.vstack([*rings, pairs]), np.concatenate(
        [np.tile(np.arange(n_regions), RINGS + 1), first]
    )


def dipole_bases(gain: np.ndarray) -> np.ndarray:
    """Orthonormal fields (n, rank, 3) of the dipoles at each point.

    Parameters
    ----------
    gain : ndarray, (rank, n, 3)
        Whitened.
    """
    return np.linalg.svd(gain.transpose(1, 0, 2), full_matrices=False)[0]


def patch_fields(gain: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Field (rank, n) of each patch, of unit norm, from the whitened field of regions (rank, n_regions)."""
    fields = gain.astype(np.float32) @ patches.T.astype(np.float32)
    return fields / np.linalg.norm(fields, axis=0)


def compare(
    data: np.ndarray,
    bases: np.ndarray,
    structure: np.ndarray,
    fields: np.ndarray,
    centre: np.ndarray,
) -> Fit:
    """Shares of the power of whitened data (rank, n_times) that deep points and patches explain.

    Moments may vary over the samples, places not.

    Parameters
    ----------
    data : ndarray, (rank, n_times)
    bases : ndarray, (n, rank, 3)
        See `dipole_bases`.
    structure : ndarray of int, (n,)
    fields : ndarray, (rank, n_patches)
        See `patch_fields`.
    centre : ndarray of int, (n_patches,)
    """
    power = (data**2).sum()
    deep = (np.einsum("nrk,rt->nkt", bases, data, optimize=True) ** 2).sum((1, 2)) / power
    patch = ((fields.T @ data) ** 2).sum(1) / power
    best = {}
    for index in np.unique(structure):
        own = np.flatnonzero(structure == index)
        point = own[deep[own].argmax()]
        best[DEEP_NAMES[index]] = float(deep[point]), int(point)
    return Fit(best, float(patch.max()), int(centre[patch.argmax()]))


def moment_am(gain: np.ndarray, field: np.ndarray) -> float:
    """Size of the dipole at a point whose field is nearest to one, nearly silent directions left out.

    Parameters
    ----------
    gain : ndarray, (rank, 3)
        Whitened.
    field : ndarray, (rank,)
        Whitened.
    """
    left, size, _ = np.linalg.svd(gain, full_matrices=False)
    seen = slice(0, SEEN_DIRECTIONS)
    return float(np.linalg.norm(left[:, seen].T @ field / size[seen]))


def assess(problem: Problem, paths: PatientPaths) -> DeepQC:
    """Deep structures against cortex for one type of spikes; the reason where it cannot be told."""
    try:
        return _assess(problem, paths)
    except MemoryError:
        raise  # says nothing about the question
    except InvalidInput as error:
        return DeepQC(reason=error.message)
    except np.linalg.LinAlgError as error:
        return DeepQC(reason=" ".join(str(error).split()))


def _assess(problem: Problem, paths: PatientPaths) -> DeepQC:
    modality = modality_of(problem.model.info)
    if not modality.calibrated:
        return DeepQC(
            reason=f"how well it can be told was measured on MEG and not on {modality.label}"
        )
    average = read_spikes_qc(paths).average
    assert average is not None  # of a type that is imaged
    head_model = read_headmodel_qc(paths).cortex.head_model
    spike, head = problem.spike, problem.model.head
    deep = read_deep(paths, spike.ch_names)
    if spike.positions is not None:
        deep = deep_at_positions(deep, head, spike.sensors, spike.positions)
    whiten = whitener(spike.noise_matrix / spike.average.nave)
    times_s = spike.average.times
    window = np.abs(times_s) <= problem.window_s / 2 + 1e-6
    data = spike.whitened(whiten)[0]
    seen = whiten @ spike.projector
    deep_gain = np.einsum("rc,cnx->rnx", seen, deep.leadfield.astype(float), optimize=True)
    patches, centre = cortical_patches(problem.model.adjacency)
    fit = compare(
        data[:, window],
        dipole_bases(deep_gain),
        deep.structure,
        patch_fields(seen @ head.leadfield, patches),
        centre,
    )
    at_peak = data[:, np.abs(times_s).argmin()]
    return _described(fit, deep, deep_gain, at_peak, head.region_label, head_model, average.snr_db)


def _described(
    fit: Fit,
    deep: DeepSources,
    gain: np.ndarray,
    at_peak: np.ndarray,
    region_label: np.ndarray,
    head_model: str,
    snr_db: float,
) -> DeepQC:
    rule = load_rule()
    structures = []
    for name in fit.ranked:
        share, point = fit.structures[name]
        difference = 100 * (share - fit.patch_share)
        x_mm, y_mm, z_mm = (round(float(mm), 1) for mm in deep.pos_mri_mm[point])
        structures.append(
            StructureQC(
                name=name,
                explained_percent=round(100 * share, 1),
                less_cortex_percent=round(difference, 1),
                moment_nam=round(1e9 * moment_am(gain[:, point], at_peak), 1),
                pos_mri_mm=(x_mm, y_mm, z_mm),
                verdict=rule.verdict(head_model, difference),
            )
        )
    stratum = rule.stratum(head_model, snr_db)
    return DeepQC(
        reason=None,
        cortex_label=str(region_label[fit.patch_centre]),
        cortex_explained_percent=round(100 * fit.patch_share, 1),
        structures=tuple(structures),
        rates=stratum.rates,
        rates_snr_db=stratum.snr_db,
        test_heads=rule.test_heads,
        better_percent=rule.better_percent[head_model],
        worse_percent=rule.worse_percent[head_model],
        most_moment_nam=rule.most_moment_nam,
    )
