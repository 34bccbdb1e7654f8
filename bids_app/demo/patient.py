"""One virtual patient from its recipe: anatomy, true sources and MEG."""

from dataclasses import dataclass

import mne
import nibabel as nib
import numpy as np
from mne.transforms import apply_trans

from bids_app.demo import activity, recording
from bids_app.demo.cortex import Patch, TrueCortex, draw_patches, true_cortex
from bids_app.demo.deformation import Deformation, draw_deformation
from bids_app.demo.forward import Digitisation, digitise, field_of, place_helmet, true_bem
from bids_app.demo.phantom import Phantom
from bids_app.demo.recipe import PatientRecipe
from bids_app.demo.t1w import EYES_MNI152_MM, scan
from pipeline.progress import Step
from pipeline.template import SUBLOBAR_NAMES

RECORD_STEPS = 4
N_CANDIDATES = 6
N_RINGS = 6
# Cortex yields at most about 1 nAm/mm2 (Murakami & Okada 2015): a patch must do with less.
MAX_DENSITY_NAM_PER_MM2 = 0.8
MARK_JITTER_S = 0.006
BLINKS_PER_MINUTE = 5
HEART_HEAD_M = np.array([-0.04, 0.03, -0.36])
POSTERIOR_MNI152_MM = np.array([[0.0, -88.0, 8.0]])


@dataclass(frozen=True)
class Anatomy:
    """Head of the patient; positions in scanner RAS of the T1w, mm."""

    phantom: Phantom
    deformation: Deformation
    t1w: nib.Nifti1Image
    brain_mask: np.ndarray
    cortex: TrueCortex
    digitisation: Digitisation

    def from_mni152(self, points_mm: np.ndarray) -> np.ndarray:
        return self.deformation.to_patient(np.atleast_2d(points_mm))

    def head_m(self, mri_mm: np.ndarray) -> np.ndarray:
        """Points in head coordinates (m)."""
        mri_head_t = np.linalg.inv(self.digitisation.head_mri_t["trans"])
        return apply_trans(mri_head_t, mri_mm / 1000)


@dataclass(frozen=True)
class Source:
    """The generator of the spikes and what it takes to be seen.

    Attributes
    ----------
    pattern : ndarray, (n_channels, N_RINGS)
        Field of each ring at the peak of a spike of mean height.
    density_nam_per_mm2 : float
        Peak moment per cortical area at the patch's centre.
    """

    patch: Patch
    sublobar: str
    pattern: np.ndarray
    delays_s: np.ndarray
    density_nam_per_mm2: float


@dataclass(frozen=True)
class Recording:
    """MEG with its marks; `is_spike` belongs to the truth."""

    raw: mne.io.RawArray
    empty_room: mne.io.RawArray
    mark_s: np.ndarray
    peak_s: np.ndarray
    is_spike: np.ndarray
    amplitude: np.ndarray
    snr_db: float
    bad_channel: str


def build_anatomy(rng: np.random.Generator, phantom: Phantom, recipe: PatientRecipe) -> Anatomy:
    deformation = draw_deformation(rng, recipe.deformation_mm)
    t1w, brain_mask = scan(rng, phantom, deformation, recipe.voxel_mm)
    cortex = true_cortex(deformation)
    return Anatomy(
        phantom, deformation, t1w, brain_mask, cortex, digitise(rng, phantom, deformation)
    )


def record(
    rng: np.random.Generator, anatomy: Anatomy, recipe: PatientRecipe, step: Step
) -> tuple[Recording, Source]:
    """Put the patient under the helmet and record; advances `step` by `RECORD_STEPS`."""
    info = recording.recording_info(recipe.array)
    scalp_m = anatomy.head_m(anatomy.from_mni152(anatomy.phantom.head_vertices_mm))
    meg_info = mne.pick_info(info, mne.pick_types(info, meg=True))
    dev_head_t = place_helmet(rng, meg_info, scalp_m)
    for each in (info, meg_info):
        with each._unlock():
            each["dev_head_t"] = dev_head_t
            each["dig"] = anatomy.digitisation.montage.dig
    n_meg, kinds = len(meg_info["chs"]), info.get_channel_types()
    noise = recording.NOISE[recipe.array]
    bem = true_bem(anatomy.phantom, anatomy.deformation, recipe.inner_skull_vertices)

    step.advance()

    n_times = int(recipe.minutes * 60 * recording.SFREQ)
    n_times -= n_times % recording.DECIMATION
    background = rng.choice(len(anatomy.cortex.pos_mri_mm), recipe.n_background, replace=False)
    lead = field_of(meg_info, anatomy.digitisation.head_mri_t, bem, anatomy.cortex, background)
    axial = np.array([kind == "mag" for kind in kinds[:n_meg]])
    mixing = recording.ongoing_mixing(
        anatomy.cortex.pos_mri_mm[background], lead, anatomy.from_mni152(POSTERIOR_MNI152_MM)
    )
    ongoing = recording.ongoing_activity(rng, mixing, axial, noise, n_times // recording.DECIMATION)
    source = _choose_source(rng, anatomy, recipe, meg_info, bem, ongoing, kinds[:n_meg], noise)

    step.advance()

    data = np.zeros((len(kinds), n_times))
    recording.upsample_into(data[:n_meg], ongoing)
    del ongoing
    n_marks = recipe.n_spikes + recipe.n_false_marks
    times_s = activity.spike_times_s(rng, n_marks, recipe.minutes * 60)
    is_spike = np.ones(n_marks, bool)
    is_spike[rng.choice(n_marks, recipe.n_false_marks, replace=False)] = False
    train, amplitude = activity.spike_train(
        rng, times_s[is_spike], source.delays_s, n_times, recording.SFREQ
    )
    beats = activity.heart(rng, n_times, recording.SFREQ)
    blinks = activity.blinks(rng, n_times, recording.SFREQ, BLINKS_PER_MINUTE)
    patterns = np.column_stack(
        [source.pattern, *_body_patterns(anatomy, meg_info, axial, noise)]
    ).astype(np.float32)
    _add(data[:n_meg], patterns, np.vstack([train, beats, blinks]).astype(np.float32))
    room = recording.interference_fields(meg_info).T.astype(np.float32)
    _add(data[:n_meg], room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data[:n_meg], kinds[:n_meg], noise)
    _auxiliary(rng, data[n_meg:], beats, blinks)
    bad = int(rng.integers(n_meg))
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    step.advance()

    empty = _record_empty_room(rng, room, kinds[:n_meg], noise, recipe, bad)
    empty_info = meg_info.copy()
    with empty_info._unlock():
        empty_info["dev_head_t"], empty_info["dig"] = None, None
    made = Recording(
        raw=mne.io.RawArray(data, info, copy=None, verbose="error"),
        empty_room=mne.io.RawArray(empty, empty_info, copy=None, verbose="error"),
        mark_s=np.round(times_s + rng.normal(0, MARK_JITTER_S, n_marks), 3),
        peak_s=times_s,
        is_spike=is_spike,
        amplitude=amplitude,
        snr_db=recipe.snr_db,
        bad_channel=info.ch_names[bad],
    )
    step.advance()
    return made, source


def _choose_source(rng, anatomy, recipe, info, bem, ongoing, kinds, noise):
    """Take the first candidate patch that stands out at the wanted SNR with a plausible strength."""
    names = [recipe.lobe] if recipe.lobe else list(SUBLOBAR_NAMES)
    sublobar = names[rng.integers(len(names))]
    patches = draw_patches(
        rng, anatomy.cortex, SUBLOBAR_NAMES.index(sublobar), recipe.patch_area_cm2, N_CANDIDATES
    )
    lead = field_of(
        info,
        anatomy.digitisation.head_mri_t,
        bem,
        anatomy.cortex,
        np.concatenate([patch.vertices for patch in patches]),
    )
    best = None
    for patch in patches:
        own, lead = lead[:, : len(patch.vertices)], lead[:, len(patch.vertices) :]
        moment_am = 1e-9 * patch.weight * anatomy.cortex.area_mm2[patch.vertices]
        ring = np.minimum(
            (patch.distance_mm / patch.distance_mm.max() * N_RINGS).astype(int), N_RINGS - 1
        )
        pattern = np.stack(
            [(own * moment_am)[:, ring == number].sum(1) for number in range(N_RINGS)], axis=1
        )
        power = recording.single_spike_power(pattern.sum(1), ongoing, kinds, noise)
        density = np.sqrt(10 ** (recipe.snr_db / 10) / power)
        delays_s = activity.SPREAD_S_PER_MM * np.array(
            [patch.distance_mm[ring == number].mean() for number in range(N_RINGS)]
        )
        if best is None or density < best.density_nam_per_mm2:
            best = Source(patch, sublobar, pattern * density, delays_s, float(density))
        if density <= MAX_DENSITY_NAM_PER_MM2:
            break
    return best


def _body_patterns(anatomy, info, axial, noise):
    """Sensor patterns of heart and eyes at the array's usual strength."""
    dev_head_t = info["dev_head_t"]["trans"]
    heart_dev_m = apply_trans(np.linalg.inv(dev_head_t), HEART_HEAD_M)
    heart = recording.heart_field(info, heart_dev_m, np.array([0.5, 0.3, -0.8]))
    eyes_m = anatomy.head_m(anatomy.from_mni152(np.array(EYES_MNI152_MM)))
    blink = recording.eye_field(info, eyes_m, np.array([0.0, 0.0, 0.045]))
    return (
        heart * noise.heart_t / abs(heart[axial]).max(),
        blink * noise.blink_t / abs(blink[axial]).max(),
    )


def _record_empty_room(rng, room, kinds, noise, recipe, bad):
    n_times = int(recipe.empty_room_minutes * 60 * recording.SFREQ)
    data = np.zeros((len(kinds), n_times))
    _add(data, room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data, kinds, noise)
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    return data


def _auxiliary(rng, data, beats, blinks):
    """EOG and ECG with their own noise, V."""
    n_times = data.shape[1]
    noise = activity.coloured_noise(rng, 2, n_times, recording.SFREQ, activity.one_over_f)
    data[0] = 180e-6 * blinks + 12e-6 * noise[0] + 15e-6 * beats
    data[1] = 1.1e-3 * beats + 30e-6 * noise[1]
    data += 3e-6 * np.sin(2 * np.pi * recording.LINE_HZ * np.arange(n_times) / recording.SFREQ)


def _add(data, patterns, courses):
    """Add patterns (n_channels, k) times courses (k, n_times), some channels at a time."""
    for start in range(0, len(data), recording.CHANNELS_AT_ONCE):
        rows = slice(start, start + recording.CHANNELS_AT_ONCE)
        data[rows] += patterns[rows] @ courses
