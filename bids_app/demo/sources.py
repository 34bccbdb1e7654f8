"""Where a virtual patient's spikes come from, how strong they are and when they discharge."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bids_app.demo import activity
from bids_app.demo.anatomy import Anatomy
from bids_app.demo.cortex import Patch, grow_patches
from bids_app.demo.hippocampus import hippocampal_patches
from bids_app.demo.recipe import PatientRecipe
from bids_app.demo.scenarios._scenario import Focus
from pipeline.template import SUBLOBAR_NAMES, load_template
from pipeline.template.cortex import N_VERTICES, N_VERTICES_HEMI

N_CANDIDATES = 6
N_RINGS = 6
# Moment per area that a patch should do with, and about the most that cortex yields
# (0.16-0.77 nAm/mm2 over species and tissues, Murakami & Okada 2015).
USUAL_DENSITY_NAM_PER_MM2, MAX_DENSITY_NAM_PER_MM2 = 0.8, 1.0
MIN_SNR_DB = 1.0
# Between centres: patches of the largest area do not touch, and a second focus of the same side
# is still its neighbour.
APART_MM = (40.0, 80.0)
MIRROR_REACH_MM = 12.0
LAG_JITTER_S = 0.002

FieldOf = Callable[[np.ndarray], np.ndarray]
"""Field of unit dipoles at vertices (n,) of the true cortex: (n_channels, n)."""


@dataclass(frozen=True)
class Source:
    """A generator and what it takes to be seen.

    Attributes
    ----------
    focus : Focus
    patch : Patch
    sublobar : str
    pattern : ndarray, (n_channels, N_RINGS)
        Field of each ring at the peak of a spike of mean height.
    delays_s : ndarray, (N_RINGS,)
        How much later than the centre each ring discharges.
    moment_nam : ndarray, (N_RINGS,)
        Moment of each ring at that peak.
    lag_s : float
        How much later than the first focus it discharges, where it follows that.
    density_nam_per_mm2 : float
        Peak moment per cortical area at the patch's centre.
    snr_db : float
        Power of a spike of mean height against ongoing activity in 1-40 Hz, mean over channels.
    """

    focus: Focus
    patch: Patch
    sublobar: str
    pattern: np.ndarray
    delays_s: np.ndarray
    moment_nam: np.ndarray
    lag_s: float
    density_nam_per_mm2: float
    snr_db: float


@dataclass(frozen=True)
class Marks:
    """What the technologist marked, and what lies under it.

    Attributes
    ----------
    mark_s, peak_s : ndarray, (n_marks,)
        Where the mark stands and where the discharge (if any) peaks.
    label : list of str
    focus : ndarray of int, (n_marks,)
        Index of the focus whose spike it is; -1 where nothing happens.
    amplitude : ndarray, (n_marks,)
        Height of the discharge relative to its focus' root mean square; NaN without one.
    """

    mark_s: np.ndarray
    peak_s: np.ndarray
    label: list[str]
    focus: np.ndarray
    amplitude: np.ndarray

    @property
    def is_spike(self) -> np.ndarray:
        return self.focus >= 0


def place_sources(
    rng: np.random.Generator,
    anatomy: Anatomy,
    recipe: PatientRecipe,
    field_of: FieldOf,
    usual_power: np.ndarray,
) -> list[Source]:
    """Draw each focus of the recipe's scenario, one after the other."""
    sources: list[Source] = []
    for focus in recipe.scenario.foci:
        if focus.place == "hippocampus":
            side = recipe.lobe.split()[0]
            patches = hippocampal_patches(rng, anatomy.cortex, side, N_CANDIDATES)
        else:
            pool = _pool(anatomy, focus, recipe.lobe, [source.patch for source in sources])
            patches = grow_patches(rng, anatomy.cortex, pool, recipe.patch_area_cm2, N_CANDIDATES)
        source = source_at(
            anatomy, focus, patches, field_of, usual_power, recipe.snr_db + focus.gain_db
        )
        if focus.follows_s is not None:
            source = replace(source, lag_s=float(rng.uniform(*focus.follows_s)))
        sources.append(source)
    return sources


def lobe_vertices(lobe: str) -> np.ndarray:
    """fsaverage5 vertices of a sublobar region."""
    return np.flatnonzero(_vertex_sublobar() == SUBLOBAR_NAMES.index(lobe))


def _vertex_sublobar():
    template = load_template()
    return np.append(template.region_sublobar, -1)[template.vertex_region]


def _pool(anatomy: Anatomy, focus: Focus, lobe: str, earlier: list[Patch]) -> np.ndarray:
    """fsaverage5 vertices where the focus' centre may lie."""
    pos_mm = anatomy.cortex.pos_mri_mm[:N_VERTICES]
    if focus.place == "lobe":
        pool = lobe_vertices(lobe)
    else:
        first_mm = pos_mm[earlier[0].centre]
        first_right = earlier[0].centre >= N_VERTICES_HEMI
        wanted_right = first_right == (focus.place == "same side")
        right = np.arange(N_VERTICES) >= N_VERTICES_HEMI
        usable = (load_template().vertex_region >= 0) & (right == wanted_right)
        if focus.place == "mirror":
            mni152_mm = anatomy.deformation.to_mni152(first_mm[None]) * [-1, 1, 1]
            away_mm = np.linalg.norm(pos_mm - anatomy.from_mni152(mni152_mm), axis=1)
            # The nearest ones at least, where the sides differ.
            reach_mm = max(MIRROR_REACH_MM, np.sort(away_mm[usable])[N_CANDIDATES - 1])
            usable &= away_mm <= reach_mm
        for patch in earlier:
            usable &= np.linalg.norm(pos_mm - pos_mm[patch.centre], axis=1) >= APART_MM[0]
        if focus.place == "same side":
            usable &= np.linalg.norm(pos_mm - first_mm, axis=1) <= APART_MM[1]
        pool = np.flatnonzero(usable)
    if focus.deep:
        depth_mm = anatomy.depth_below_skull_mm(pos_mm[pool])
        pool = pool[np.argsort(-depth_mm)[: max(N_CANDIDATES, len(pool) // 10)]]
    return pool


def source_at(
    anatomy: Anatomy,
    focus: Focus,
    patches: list[Patch],
    field_of: FieldOf,
    usual_power: np.ndarray,
    snr_db: float,
) -> Source:
    """Take the first patch that stands out at the wanted SNR with a plausible strength.

    Where none does (deep or radial ones), take the one that needs the least, and let its
    spikes be smaller if even that is more than cortex can give.
    """
    lead = field_of(np.concatenate([patch.vertices for patch in patches]))
    ends = np.cumsum([len(patch.vertices) for patch in patches])[:-1]
    best: Source | None = None
    for patch, own in zip(patches, np.split(lead, ends, axis=1), strict=True):
        source = _source(anatomy, focus, patch, own, usual_power, snr_db)
        if best is None or source.density_nam_per_mm2 < best.density_nam_per_mm2:
            best = source
        if source.density_nam_per_mm2 <= USUAL_DENSITY_NAM_PER_MM2:
            return source
    assert best is not None  # there is a patch for every focus
    excess_db = 20 * np.log10(best.density_nam_per_mm2 / MAX_DENSITY_NAM_PER_MM2)
    lowered_db = float(np.clip(excess_db, 0, max(0.0, snr_db - MIN_SNR_DB)))
    gain = 10 ** (-lowered_db / 20)
    return replace(
        best,
        pattern=best.pattern * gain,
        moment_nam=best.moment_nam * gain,
        density_nam_per_mm2=best.density_nam_per_mm2 * gain,
        snr_db=snr_db - lowered_db,
    )


def _source(anatomy, focus, patch, lead, usual_power, snr_db) -> Source:
    """The patch at the wanted SNR, whatever density it takes."""
    moment_nam, rings = _rings(anatomy, patch)
    pattern = np.stack([(lead * 1e-9 * moment_nam)[:, ring].sum(1) for ring in rings], axis=1)
    snr_at_unit = np.mean(pattern.sum(1) ** 2 / usual_power)
    density = float(np.sqrt(10 ** (snr_db / 10) / snr_at_unit))
    return Source(
        focus=focus,
        patch=patch,
        sublobar=SUBLOBAR_NAMES[_vertex_sublobar()[anatomy.cortex.template_vertex[patch.centre]]],
        pattern=pattern * density,
        delays_s=activity.SPREAD_S_PER_MM
        * np.array([patch.distance_mm[ring].mean() for ring in rings]),
        moment_nam=density * np.array([moment_nam[ring].sum() for ring in rings]),
        lag_s=0.0,
        density_nam_per_mm2=density,
        snr_db=snr_db,
    )


def pattern_at(anatomy: Anatomy, source: Source, field_of: FieldOf) -> np.ndarray:
    """The source's `pattern` as sensors see it from elsewhere."""
    moment_nam, rings = _rings(anatomy, source.patch)
    lead = field_of(source.patch.vertices) * (source.density_nam_per_mm2 * 1e-9 * moment_nam)
    return np.stack([lead[:, ring].sum(1) for ring in rings], axis=1)


def _rings(anatomy: Anatomy, patch: Patch) -> tuple[np.ndarray, list[np.ndarray]]:
    """Moment of each vertex at unit density, and the vertices of each ring."""
    moment_nam = patch.weight * anatomy.cortex.area_mm2[patch.vertices]
    reach = patch.distance_mm / patch.distance_mm.max()
    ring_of = np.minimum((reach * N_RINGS).astype(int), N_RINGS - 1)
    return moment_nam, [ring_of == ring for ring in range(N_RINGS)]


def discharge(
    rng: np.random.Generator,
    sources: list[Source],
    peak_s: np.ndarray,
    mark_focus: np.ndarray,
    n_times: int,
    sfreq: float,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Courses of all foci.

    Parameters
    ----------
    peak_s, mark_focus : ndarray, (n_marks,)
        As in `Marks`.

    Returns
    -------
    trains : list of ndarray of float32, (N_RINGS, n_times)
        One per source, in units of its peak.
    amplitude : ndarray, (n_marks,)
        As in `Marks`.
    """
    trains, amplitude = [], np.full(len(peak_s), np.nan)
    for index, source in enumerate(sources):
        follows = source.focus.follows_s is not None
        own = mark_focus == (0 if follows else index)
        peaks_s = peak_s[own]
        if follows:
            peaks_s = peaks_s + source.lag_s + rng.normal(0, LAG_JITTER_S, len(peaks_s))
        train, height = activity.spike_train(
            rng, peaks_s, source.delays_s, n_times, sfreq, source.focus.shape
        )
        trains.append(train)
        if not follows:
            amplitude[own] = height
    return trains, amplitude


def share_marks(
    rng: np.random.Generator, foci: tuple[Focus, ...], n_spikes: int, n_false_marks: int
) -> np.ndarray:
    """Which focus each mark belongs to, in an order of chance; -1 for none: (n_marks,) int."""
    share = np.array([focus.share * (focus.follows_s is None) for focus in foci])
    if not share.any():
        return np.full(n_spikes + n_false_marks, -1)
    ends = np.rint(np.cumsum(share) / share.sum() * n_spikes).astype(int)
    mark_focus = np.repeat(np.arange(len(foci)), np.diff(ends, prepend=0))
    return rng.permutation(np.append(mark_focus, np.full(n_false_marks, -1)))
