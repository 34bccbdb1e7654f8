"""One virtual patient from its recipe: anatomy, true sources and MEG."""

from dataclasses import dataclass, replace

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
# Moment per area that a patch should do with, and about the most that cortex yields
# (0.16-0.77 nAm/mm2 over species and tissues, Murakami & Okada 2015).
USUAL_DENSITY_NAM_PER_MM2, MAX_DENSITY_NAM_PER_MM2 = 0.8, 1.0
MIN_SNR_DB = 1.0
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
    snr_db : float
        Power of a spike of mean height against ongoing activity in 1-40 Hz, mean over channels.
    """

    patch: Patch
    sublobar: str
    pattern: np.ndarray
    delays_s: np.ndarray
    density_nam_per_mm2: float
    snr_db: float


@dataclass(frozen=True)
class Recording:
    """MEG with its marks; `is_spike` belongs to the truth."""

    raw: mne.io.RawArray
    empty_room: mne.io.RawArray
    mark_s: np.ndarray
    peak_s: np.ndarray
    is_spike: np.ndarray
    amplitude: np.ndarray
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
    info, meg_info = _take_place(rng, anatomy, recipe)
    kinds = info.get_channel_types()
    n_meg = len(meg_info["chs"])
    noise = recording.NOISE[recipe.array]
    n_times = int(recipe.minutes * 60 * recording.SFREQ)
    n_times -= n_times % recording.DECIMATION

    cortex = anatomy.cortex
    background = rng.choice(len(cortex.pos_mri_mm), recipe.n_background, replace=False)
    sublobar = recipe.lobe or str(rng.choice(SUBLOBAR_NAMES))
    patches = draw_patches(
        rng, cortex, SUBLOBAR_NAMES.index(sublobar), recipe.patch_area_cm2, N_CANDIDATES
    )
    bem = true_bem(anatomy.phantom, anatomy.deformation, recipe.inner_skull_vertices)
    step.advance()
    dipoles = np.concatenate([background, *(patch.vertices for patch in patches)])
    lead = field_of(meg_info, anatomy.digitisation.head_mri_t, bem, cortex, dipoles)
    lead, *patch_leads = np.split(
        lead, np.cumsum([len(background), *(len(patch.vertices) for patch in patches[:-1])]), axis=1
    )
    mixing = recording.ongoing_mixing(
        cortex.pos_mri_mm[background], lead, anatomy.from_mni152(POSTERIOR_MNI152_MM)
    )
    axial = np.array([kind == "mag" for kind in kinds[:n_meg]])
    ongoing = recording.ongoing_activity(rng, mixing, axial, noise, n_times // recording.DECIMATION)
    usual = recording.ongoing_power(ongoing, kinds[:n_meg], noise)
    source = _choose_source(cortex, patches, patch_leads, usual, sublobar, recipe.snr_db)
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
    patterns = np.column_stack([source.pattern, *_body_patterns(anatomy, meg_info, axial, noise)])
    _add(data[:n_meg], patterns.astype(np.float32), np.vstack([train, beats, blinks]))
    step.advance()
    room = recording.interference_fields(meg_info).T.astype(np.float32)
    _add(data[:n_meg], room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data[:n_meg], kinds[:n_meg], noise)
    _auxiliary(rng, data[n_meg:], beats, blinks)
    bad = int(rng.integers(n_meg))
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    made = Recording(
        raw=mne.io.RawArray(data, info, copy=None, verbose="error"),
        empty_room=_record_empty_room(rng, room, meg_info, noise, recipe, bad),
        mark_s=np.round(times_s + rng.normal(0, MARK_JITTER_S, n_marks), 3),
        peak_s=times_s,
        is_spike=is_spike,
        amplitude=amplitude,
        bad_channel=info.ch_names[bad],
    )
    step.advance()
    return made, source


def _take_place(rng, anatomy, recipe):
    """Info of all channels and of the MEG channels alone, with head points, under the helmet."""
    info = recording.recording_info(recipe.array)
    meg_info = mne.pick_info(info, mne.pick_types(info, meg=True))
    scalp_m = anatomy.head_m(anatomy.from_mni152(anatomy.phantom.head_vertices_mm))
    dev_head_t = place_helmet(rng, meg_info, scalp_m)
    for each in (info, meg_info):
        with each._unlock():
            each["dev_head_t"] = dev_head_t
            each["dig"] = anatomy.digitisation.montage.dig
    return info, meg_info


def _choose_source(cortex, patches, leads, usual_power, sublobar, snr_db):
    """Take the first patch that stands out at the wanted SNR with a plausible strength.

    Where none does (deep or radial ones), take the one that needs the least, and let its
    spikes be smaller if even that is more than cortex can give.
    """
    best = None
    for patch, lead in zip(patches, leads, strict=True):
        moment_am = 1e-9 * patch.weight * cortex.area_mm2[patch.vertices]
        reach = patch.distance_mm / patch.distance_mm.max()
        rings = [
            ring == np.minimum((reach * N_RINGS).astype(int), N_RINGS - 1)
            for ring in range(N_RINGS)
        ]
        pattern = np.stack([(lead * moment_am)[:, ring].sum(1) for ring in rings], axis=1)
        snr_at_unit = np.mean(pattern.sum(1) ** 2 / usual_power)
        density = float(np.sqrt(10 ** (snr_db / 10) / snr_at_unit))
        delays_s = activity.SPREAD_S_PER_MM * np.array(
            [patch.distance_mm[ring].mean() for ring in rings]
        )
        if best is None or density < best.density_nam_per_mm2:
            best = Source(patch, sublobar, pattern * density, delays_s, density, snr_db)
        if density <= USUAL_DENSITY_NAM_PER_MM2:
            return best
    excess_db = 20 * np.log10(best.density_nam_per_mm2 / MAX_DENSITY_NAM_PER_MM2)
    lowered_db = float(np.clip(excess_db, 0, max(0.0, snr_db - MIN_SNR_DB)))
    gain = 10 ** (-lowered_db / 20)
    return replace(
        best,
        pattern=best.pattern * gain,
        density_nam_per_mm2=best.density_nam_per_mm2 * gain,
        snr_db=snr_db - lowered_db,
    )


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


def _record_empty_room(rng, room, meg_info, noise, recipe, bad):
    """The same sensors in the same room on the same day, without the patient."""
    info = meg_info.copy()
    with info._unlock():
        info["dev_head_t"], info["dig"] = None, None
    kinds = info.get_channel_types()
    n_times = int(recipe.empty_room_minutes * 60 * recording.SFREQ)
    data = np.zeros((len(kinds), n_times))
    _add(data, room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data, kinds, noise)
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    return mne.io.RawArray(data, info, copy=None, verbose="error")


def _auxiliary(rng, data, beats, blinks):
    """EOG and ECG with their own noise, V."""
    n_times = data.shape[1]
    noise = activity.coloured_noise(rng, 2, n_times, recording.SFREQ, activity.one_over_f)
    data[0] = 180e-6 * blinks + 12e-6 * noise[0] + 15e-6 * beats
    data[1] = 1.1e-3 * beats + 30e-6 * noise[1]
    data += 3e-6 * np.sin(2 * np.pi * recording.LINE_HZ * np.arange(n_times) / recording.SFREQ)


def _add(data, patterns, courses):
    """Add patterns (n_channels, k) times courses (k, n_times), some channels at a time."""
    courses = courses.astype(np.float32, copy=False)
    for start in range(0, len(data), recording.CHANNELS_AT_ONCE):
        rows = slice(start, start + recording.CHANNELS_AT_ONCE)
        data[rows] += patterns[rows] @ courses
