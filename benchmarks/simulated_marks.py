"""Marked MEG at sensor level, made in seconds, for the benchmarks of types and of certainty.

Two kinds of heads that share no head, mesh, conductivity, patch rule or waveform: on those of
`calibration_head` thresholds may be tuned (random heads of the training population, single shell,
activity of whole regions, spikes of neural masses); those of `test_head` are for reporting (the
virtual patients' warped dense cortex, three shells, patches grown along its mesh that discharge
from the centre outward, Gaussian waves).
"""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info

from benchmarks.seated import seated
from bids_app.demo import activity
from bids_app.demo.cortex import grow_patches, true_cortex
from bids_app.demo.forward import field_of, true_bem
from bids_app.demo.recording import NOISE, ongoing_mixing
from pipeline.files import read_npz, write_npz
from pipeline.spikes.noise import noise_covariance, whitening
from pipeline.synthesis import population
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import patch_bank, template_graph
from pipeline.template import load_template

SFREQ_HZ = 250.0
BAND_HZ = (1.0, 40.0)
BACKGROUND_S = 420.0
N_FOCI = 40
N_RINGS = 6
N_BACKGROUND_DIPOLES = 300
POSTERIOR_MNI_MM = np.array([[0.0, -88.0, 8.0]])
# Half of what is cut out around a mark; of a window without spikes.
REACH_S, WINDOW_S = 0.6, 1.2
MARK_JITTER_S = 0.012


@dataclass(frozen=True)
class Head:
    """Foci of one head under one array, whitened by its background.

    Attributes
    ----------
    field : ndarray float32, (n_foci, n_components, n_rings)
        Of each ring of each patch at the peak, unscaled.
    delay_s : ndarray, (n_foci, n_rings)
    centre_mm : ndarray, (n_foci, 3)
    background : ndarray float32, (n_components, n_times)
        Whitened, 1-40 Hz, at `SFREQ_HZ`.
    waves : ndarray, (n_waves, n)
        Courses of spikes at `SFREQ_HZ`, peak of 1 in the middle; empty for Gaussian ones.
    """

    field: np.ndarray
    delay_s: np.ndarray
    centre_mm: np.ndarray
    background: np.ndarray
    waves: np.ndarray

    @property
    def topography(self) -> np.ndarray:
        """Field of each whole patch (n_foci, n_components), of unit length."""
        total = self.field.sum(axis=2)
        return total / np.linalg.norm(total, axis=1, keepdims=True)


@dataclass(frozen=True)
class Marks:
    """Stretches around marks, and some without spikes.

    Attributes
    ----------
    segments : ndarray float32, (n, n_components, n_times)
        The mark in the middle.
    baseline : ndarray float32, (m, n_components, n_times)
    truth : ndarray of int, (n,)
        Which focus of the case each mark belongs to; -1 where nothing happens.
    """

    segments: np.ndarray
    baseline: np.ndarray
    truth: np.ndarray


def calibration_head(cache: Path, seed: int) -> Head:
    return _cached(cache / f"calibration_{seed}.npz", _calibration_head, seed)


def test_head(cache: Path, seed: int) -> Head:
    return _cached(cache / f"test_{seed}.npz", _test_head, seed)


def foci_apart(rng, head: Head, n: int, least_mm: float, correlation: tuple[float, float]):
    """Indices of `n` foci, all at least `least_mm` apart, whose pairs' largest correlation lies in a range.

    None where a thousand draws find none.
    """
    for _ in range(1000):
        chosen = rng.choice(len(head.centre_mm), n, replace=False)
        pairs = np.triu_indices(n, 1)
        offset = head.centre_mm[chosen][pairs[0]] - head.centre_mm[chosen][pairs[1]]
        alike = (head.topography[chosen] @ head.topography[chosen].T)[pairs]
        if (np.linalg.norm(offset, axis=1) >= least_mm).all() and (
            correlation[0] <= alike.max(initial=-1) < correlation[1]
        ):
            return chosen
    return None


def draw_marks(
    rng,
    head: Head,
    foci: np.ndarray,
    counts: list[int],
    strength: list[float],
    n_false: int = 0,
    n_baseline: int = 120,
) -> Marks:
    """Marks of the given foci in fresh background.

    Parameters
    ----------
    strength : list of float
        Length of each focus's whitened field at the peak of a spike of mean height: the
        single-spike signal-to-noise ratio of the best linear combination of channels.
    n_false : int
        Marks at which nothing happens.
    """
    n = sum(counts) + n_false
    reach, length = round(REACH_S * SFREQ_HZ), round(WINDOW_S * SFREQ_HZ)
    slots = rng.permutation(np.arange(1, head.background.shape[1] // length - 1))[: n + n_baseline]
    starts = slots * length
    truth = rng.permutation(np.repeat([*range(len(counts)), -1], [*counts, n_false]))
    segments = np.stack([head.background[:, s : s + 2 * reach + 1] for s in starts[:n]])
    for segment, focus in zip(segments, truth, strict=True):
        if focus >= 0:
            lag_s = rng.normal(0, MARK_JITTER_S)
            segment += strength[focus] * _spike(rng, head, foci[focus], lag_s)
    baseline = np.stack([head.background[:, s : s + length] for s in starts[n:]])
    return Marks(segments, baseline, truth)


def _spike(rng, head: Head, focus: int, lag_s: float) -> np.ndarray:
    """One spike of a focus (n_components, n_times): height, latency, extent and shape vary."""
    time_s = (np.arange(2 * round(REACH_S * SFREQ_HZ) + 1) / SFREQ_HZ - REACH_S) - lag_s
    height = np.exp(rng.normal(0, 0.28))
    field = head.field[focus] / np.linalg.norm(head.field[focus].sum(axis=1))
    n_rings = field.shape[1]
    delay_s = head.delay_s[focus] + rng.normal(0, 0.0015, n_rings)
    # The discharge does not reach equally far each time.
    share = np.exp(rng.normal(0, 0.25) * np.linspace(-1, 1, n_rings) + rng.normal(0, 0.1, n_rings))
    shape = _wave(rng, head)
    course = np.stack([shape(time_s - d) for d in delay_s])
    return height * (field * share) @ course


def _wave(rng, head: Head):
    if not len(head.waves):
        stretch, slow = np.exp(rng.normal(0, 0.15)), rng.uniform(0.1, 0.6)
        delay_s = rng.uniform(0.11, 0.17)
        return lambda t: activity.spike_waveform(t, stretch, slow, delay_s)
    wave, stretch = head.waves[rng.integers(len(head.waves))], np.exp(rng.normal(0, 0.15))
    grid_s = (np.arange(len(wave)) - np.argmax(wave)) / SFREQ_HZ
    return lambda t: np.interp(t / stretch, grid_s, wave, left=0, right=0)


def _cached(path: Path, make, seed: int) -> Head:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, **vars(make(seed)))
    return Head(**read_npz(path))


def _calibration_head(seed: int) -> Head:
    rng = np.random.default_rng(seed)
    array = ("neuromag", "ctf275", "ctf151")[seed % 3]
    info = read_meg_canonical_info(array, verbose="error")
    cortex = load_template().source_cortex
    member = population.random_member(info, cortex, seed)
    patches, centres = patch_bank(template_graph(), 3, seed)
    chosen = rng.choice(len(patches), N_FOCI, replace=False)
    distance_mm = template_graph().distance_mm[centres[chosen]]
    weight = patches[chosen] * np.exp(-np.log(2) * (distance_mm / 50) ** 2)
    # Two rings: the inner and the outer half of the patch.
    inner = distance_mm < 0.6 * (distance_mm * patches[chosen]).max(axis=1, keepdims=True)
    field = np.stack(
        [member.true_leadfield @ (weight * part).T for part in (inner, ~inner)], axis=2
    ).transpose(1, 0, 2)
    regions = rng.choice(len(centres) // 3, N_BACKGROUND_DIPOLES, replace=False)
    lead = member.true_leadfield[:, regions]
    waves = load_library("validation").spikes.astype(float)
    waves = np.stack(
        [np.interp(np.arange(0, wave.size, 0.5), np.arange(wave.size), wave) for wave in waves]
    )
    delay_s = np.tile([0.0, 0.006], (N_FOCI, 1))
    place_mm = member.region_pos_mm
    background, whiten = background_of(rng, info, lead, place_mm[regions], POSTERIOR_MNI_MM, array)
    return Head(
        (whiten @ field).astype(np.float32),
        delay_s,
        place_mm[centres[chosen]],
        background,
        waves,
    )


def _test_head(seed: int) -> Head:
    rng = np.random.default_rng(seed)
    array = ("neuromag", "ctf275")[seed % 2]
    head = seated(rng, array)
    info, phantom, deformation = head.info, head.phantom, head.deformation
    cortex = true_cortex(rng, phantom, deformation)
    bem = true_bem(phantom, deformation, 1500)
    off_wall = np.flatnonzero(load_template().vertex_region[cortex.template_vertex] >= 0)
    patches = [grow_patches(rng, cortex, off_wall, (5.0, 12.0), 1)[0] for _ in range(N_FOCI)]
    around = rng.choice(len(cortex.pos_mri_mm), N_BACKGROUND_DIPOLES, replace=False)
    vertices = np.concatenate([around, *(patch.vertices for patch in patches)])
    used, where = np.unique(vertices, return_inverse=True)
    lead = field_of(info, head.head_mri_t, bem, cortex, used)[:, where]
    posterior_mm = deformation.to_patient(POSTERIOR_MNI_MM)
    background, whiten = background_of(
        rng, info, lead[:, : len(around)], cortex.pos_mri_mm[around], posterior_mm, array
    )
    field, delay_s, start = [], [], len(around)
    for patch in patches:
        part = lead[:, start : start + len(patch.vertices)] * (
            patch.weight * cortex.area_mm2[patch.vertices]
        )
        start += len(patch.vertices)
        reach = patch.distance_mm / patch.distance_mm.max()
        ring = np.minimum((reach * N_RINGS).astype(int), N_RINGS - 1)
        field.append(np.stack([part[:, ring == r].sum(axis=1) for r in range(N_RINGS)], axis=1))
        middle_mm = [patch.distance_mm[ring == r].mean() for r in range(N_RINGS)]
        delay_s.append(activity.SPREAD_S_PER_MM * np.array(middle_mm))
    return Head(
        (whiten @ np.stack(field)).astype(np.float32),
        np.stack(delay_s),
        cortex.pos_mri_mm[[patch.centre for patch in patches]],
        background,
        np.empty((0, 0)),
    )


def background_of(
    rng, info, lead, pos_mm, posterior_mm, array: str, seconds: float = BACKGROUND_S
) -> tuple[np.ndarray, np.ndarray]:
    """Whitened ongoing activity with alpha that comes and goes, and the whitening matrix.

    The spikes stage's own covariance and whitening, of the band that it works in.
    """
    noise = NOISE["neuromag" if array == "neuromag" else "ctf275"]
    kinds = info.get_channel_types()
    axial = np.array([kind == "mag" for kind in kinds])
    n_times = int(seconds * SFREQ_HZ)
    total = 0
    mixing = ongoing_mixing(pos_mm, lead, posterior_mm)
    spectra, levels = (activity.one_over_f, activity.alpha), (noise.ongoing_t, noise.alpha_t)
    for matrix, spectrum, level in zip(mixing, spectra, levels, strict=True):
        scale = level / np.median(np.linalg.norm(matrix[axial], axis=1))
        courses = activity.coloured_noise(rng, matrix.shape[1], n_times, SFREQ_HZ, spectrum)
        if spectrum is activity.alpha:
            slow = activity.coloured_noise(rng, 1, n_times, SFREQ_HZ, _slow)[0]
            courses *= np.exp(0.6 * slow)
        total = total + (matrix * scale).astype(np.float32) @ courses
    white = np.array([noise.white[kind] for kind in kinds]) * np.exp(
        rng.normal(0, 0.08, len(kinds))
    )
    total = total + (white * np.sqrt(SFREQ_HZ / 2))[:, None] * rng.standard_normal(
        total.shape, np.float32
    )
    total = mne.filter.filter_data(total.astype(float), SFREQ_HZ, *BAND_HZ, verbose="error")
    length = round(WINDOW_S * SFREQ_HZ)
    windows = total[:, : total.shape[1] // length * length].reshape(len(total), -1, length)
    bare = mne.create_info(info.ch_names, SFREQ_HZ, kinds, verbose="error")
    with bare._unlock():
        bare["lowpass"] = BAND_HZ[1]
    with mne.use_log_level("error"):
        covariance, rank = noise_covariance(windows.transpose(1, 0, 2)[::2], bare)
        whiten = whitening(covariance, bare, rank)
    return (whiten @ total).astype(np.float32), whiten


def _slow(frequency: np.ndarray) -> np.ndarray:
    """Amplitude spectrum of the waxing and waning over some ten seconds."""
    return np.exp(-((frequency / 0.15) ** 2))
