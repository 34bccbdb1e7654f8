"""The recording of one virtual patient: what foci, body and surroundings give at the sensors."""

from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import apply_trans

from bids_app.demo import activity, recording, transients
from bids_app.demo.anatomy import Anatomy
from bids_app.demo.cortex import grow_patches, smooth_midthickness_mm
from bids_app.demo.electrodes import (
    cap_info,
    cap_names,
    digitised,
    montage_of,
    place_cap,
)
from bids_app.demo.forward import field_of, place_helmet, true_bem
from bids_app.demo.likeness import compared_fields, correlation_summary
from bids_app.demo.movement import Moved, moved_info, part_of_way
from bids_app.demo.recipe import BOTH, CAP, PatientRecipe
from bids_app.demo.scenarios._scenario import Focus
from bids_app.demo.sources import (
    N_CANDIDATES,
    Marks,
    Source,
    discharge,
    lobe_vertices,
    pattern_at,
    place_sources,
    share_marks,
    source_at,
)
from bids_app.demo.t1w import EYES_MNI152_MM
from pipeline.leadfield import vertex_leadfield
from pipeline.modality import modality_of, re_referenced
from pipeline.progress import Step

RECORD_STEPS = 4
MARK_JITTER_S = 0.006
BLINKS_PER_MINUTE = 5
HEART_MOMENT = np.array([0.5, 0.3, -0.8])
HEART_HEAD_M = np.array([-0.04, 0.03, -0.36])
POSTERIOR_MNI152_MM = np.array([[0.0, -88.0, 8.0]])


@dataclass(frozen=True)
class Recording:
    """MEG or EEG with its marks; what lies under them belongs to the truth.

    Attributes
    ----------
    marks : Marks
    course_nam : ndarray of float32, (n_foci, n_times)
        Total moment of each focus.
    transients_s : dict of str to ndarray
        Middles of each kind of transient.
    compared_leadfield : ndarray of float32, (n_meg, n_compared)
        True leadfield of `likeness.COMPARED_REGIONS`.
    folding_correlation : dict
        `likeness.correlation_summary` of that and of the same without the cortex' own folding.
    dev_head_t_end : mne.transforms.Transform or None
        Where the head lies at the end, if it moves.
    """

    raw: mne.io.RawArray
    empty_room: mne.io.RawArray | None
    marks: Marks
    course_nam: np.ndarray
    transients_s: dict[str, np.ndarray]
    bad_channel: str
    compared_leadfield: np.ndarray
    folding_correlation: dict[str, float]
    dev_head_t_end: mne.transforms.Transform | None


def record(
    rng: np.random.Generator, anatomy: Anatomy, recipe: PatientRecipe, step: Step
) -> tuple[Recording, list[Source]]:
    """Put the patient under the helmet and record; advances `step` by `RECORD_STEPS`."""
    info, meg_info = _take_place(rng, anatomy, recipe)
    kinds = info.get_channel_types()
    n_meg = len(meg_info["chs"])
    noise, white = recording.noise_of(recipe.array)[0], recording.white_noise(recipe.array)
    n_times = int(recipe.minutes * 60 * recording.SFREQ)
    n_times -= n_times % recording.DECIMATION

    cortex = anatomy.cortex
    background = rng.choice(len(cortex.pos_mri_mm), recipe.n_background, replace=False)
    bem = true_bem(anatomy.phantom, anatomy.deformation, recipe.inner_skull_vertices)
    step.advance()
    field = partial(field_of, meg_info, anatomy.digitisation.head_mri_t, bem, cortex)
    mixing = recording.ongoing_mixing(
        cortex.pos_mri_mm[background], field(background), anatomy.from_mni152(POSTERIOR_MNI152_MM)
    )
    axial = recording.is_leading(kinds[:n_meg])
    moved = _moved(anatomy, meg_info, bem, recipe, n_times)
    n_slow, again = n_times // recording.DECIMATION, deepcopy(rng)
    ongoing = recording.ongoing_activity(rng, mixing, axial, noise, n_slow)
    usual = recording.ongoing_power(ongoing, kinds[:n_meg], white)
    compared = compared_fields(
        partial(vertex_leadfield, meg_info, anatomy.digitisation.head_mri_t, bem),
        cortex,
        smooth_midthickness_mm(anatomy.deformation),
    )
    sources = place_sources(rng, anatomy, recipe, field, usual)
    if moved is not None:  # the same activity as sensors see it from there
        elsewhere = recording.ongoing_mixing(
            cortex.pos_mri_mm[background],
            moved.field(background),
            anatomy.from_mni152(POSTERIOR_MNI152_MM),
        )
        part = moved.part[:: recording.DECIMATION]
        ongoing *= 1 - part
        ongoing += part * recording.ongoing_activity(again, elsewhere, axial, noise, n_slow, mixing)
    step.advance()

    data = np.zeros((len(kinds), n_times))
    recording.upsample_into(data[:n_meg], ongoing)
    del ongoing
    marks, course_nam = _spikes(rng, data[:n_meg], sources, recipe, anatomy, moved)
    transients_s = _transients(rng, data[:n_meg], anatomy, recipe, field, usual, moved)
    beats = activity.heart(rng, n_times, recording.SFREQ)
    blinks = activity.blinks(rng, n_times, recording.SFREQ, BLINKS_PER_MINUTE)
    body = np.column_stack(_body_patterns(anatomy, meg_info, recipe.array))
    courses = np.vstack([beats, blinks])
    if moved is not None:
        there = np.column_stack(_body_patterns(anatomy, moved.info, recipe.array))
        body, courses = moved.doubled(body, there, courses)
    _add(data[:n_meg], body, courses)
    step.advance()
    room = recording.room_patterns(rng, meg_info).T.astype(np.float32)
    if recipe.scenario.shielded:
        room *= recording.UNSHIELDED
    _add(data[:n_meg], room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data[:n_meg], kinds[:n_meg], white)
    _auxiliary(rng, data[n_meg:], beats, blinks)
    bad = int(rng.integers(n_meg))
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    made = Recording(
        raw=mne.io.RawArray(data, info, copy=None, verbose="error"),
        empty_room=None
        if recipe.array == CAP
        else _record_empty_room(rng, room, meg_info, white, recipe, bad),
        marks=marks,
        course_nam=course_nam,
        transients_s=transients_s,
        bad_channel=info.ch_names[bad],
        compared_leadfield=compared[0],
        folding_correlation=correlation_summary(*(each[axial] for each in compared)),
        dev_head_t_end=None if moved is None else moved.info["dev_head_t"],
    )
    step.advance()
    return made, sources


def _moved(anatomy, info, bem, recipe, n_times) -> Moved | None:
    if recipe.scenario.moves is None:
        return None
    there = moved_info(info, recipe.scenario.moves)
    field = partial(field_of, there, anatomy.digitisation.head_mri_t, bem, anatomy.cortex)
    return Moved(there, field, part_of_way(n_times, recording.SFREQ))


def _add_source(data, anatomy, source, train, moved: Moved | None):
    """Add a source's rings (n_rings, n_times), where the head lies."""
    if moved is None:
        _add(data, source.pattern, train)
    else:
        _add(data, *moved.doubled(source.pattern, pattern_at(anatomy, source, moved.field), train))


def _spikes(rng, data, sources, recipe, anatomy, moved):
    """Let the foci discharge into `data`; the marks, and each focus' moment (n_foci, n_times)."""
    n_times = data.shape[1]
    foci = recipe.scenario.foci
    mark_focus = share_marks(rng, foci, recipe.n_spikes, recipe.n_false_marks)
    peak_s = activity.spike_times_s(rng, len(mark_focus), recipe.minutes * 60)
    trains, amplitude = discharge(rng, sources, peak_s, mark_focus, n_times, recording.SFREQ)
    course_nam = np.zeros((len(sources), n_times), np.float32)
    for index, (source, train) in enumerate(zip(sources, trains, strict=True)):
        _add_source(data, anatomy, source, train, moved)
        course_nam[index] = source.moment_nam @ train
    labels = [focus.label.format(lobe=at.sublobar) for focus, at in zip(foci, sources, strict=True)]
    # What is no spike was taken for one of some focus.
    taken_for = np.where(mark_focus < 0, rng.integers(max(1, len(foci))), mark_focus)
    return Marks(
        mark_s=np.round(peak_s + rng.normal(0, MARK_JITTER_S, len(peak_s)), 3),
        peak_s=peak_s,
        label=[labels[focus] if labels else "spike" for focus in taken_for],
        focus=mark_focus,
        amplitude=amplitude,
    ), course_nam


def _transients(rng, data, anatomy, recipe, field, usual, moved):
    """Add the scenario's transients to `data`; their middles, s, per kind."""
    middles_s = {}
    for name in recipe.scenario.transients:
        kind = transients.KINDS[name]
        middles_s[name] = transients.occurrences_s(rng, kind, recipe.minutes * 60)
        course = transients.course(rng, kind, middles_s[name], data.shape[1], recording.SFREQ)
        for side in ("left", "right"):
            pool = lobe_vertices(f"{side} {kind.lobe}")
            patches = grow_patches(rng, anatomy.cortex, pool, recipe.patch_area_cm2, N_CANDIDATES)
            source = source_at(anatomy, Focus(), patches, field, usual, kind.snr_db)
            pattern, train = source.pattern.sum(1, keepdims=True), course[None]
            if moved is not None:
                there = pattern_at(anatomy, source, moved.field).sum(1, keepdims=True)
                pattern, train = moved.doubled(pattern, there, train)
            _add(data, pattern, train)
    return middles_s


def _take_place(rng, anatomy, recipe):
    """Info of all channels and of the MEG channels alone, with head points, under the helmet."""
    if recipe.array == CAP:
        return _wear_cap(rng, anatomy, CAP)
    if recipe.array == BOTH:
        info, meg_info = _wear_cap(rng, anatomy, BOTH)
    else:
        info = recording.recording_info(recipe.array)
        meg_info = mne.pick_info(info, mne.pick_types(info, meg=True))
    scalp_m = anatomy.head_m(anatomy.from_mni152(anatomy.phantom.head_vertices_mm))
    dev_head_t = place_helmet(rng, meg_info, scalp_m)
    for each in (info, meg_info):
        with each._unlock():
            each["dev_head_t"] = dev_head_t
            each["dig"] = [*anatomy.digitisation.montage.dig, *_electrodes(each["dig"])]
            each["maxshield"] = recipe.scenario.shielded
    return info, meg_info


def _electrodes(dig: list | None) -> list:
    return [point for point in dig or () if point["kind"] == FIFF.FIFFV_POINT_EEG]


def _wear_cap(rng, anatomy, array):
    """Info of sensors and other channels, as electrodes were digitised, and of sensors as they truly are."""
    info = recording.recording_info(array)
    head_mri_t = anatomy.digitisation.head_mri_t
    places_mm = place_cap(rng, anatomy.phantom, anatomy.deformation)
    cap = cap_info(places_mm, head_mri_t, cap_names(), recording.SFREQ)
    seen = montage_of(digitised(rng, cap), anatomy.digitisation.montage)
    info = info.set_montage(seen)
    true = mne.pick_info(info, mne.pick_types(info, meg=True, eeg=True))
    for channel, source in zip(true["chs"][-len(cap["chs"]) :], cap["chs"], strict=True):
        channel["loc"] = source["loc"]
    return info, true


def _body_patterns(anatomy, info, array):
    """Sensor patterns of heart and eyes, each part of the array at its usual strength."""
    heart, blink = np.zeros((2, len(info["chs"])))
    parts = modality_of(info).parts
    for part, noise in zip(parts, recording.noise_of(array), strict=True):
        picks = part.sensor_picks(info)
        sensors = mne.pick_info(info, picks)
        patterns = (_in_electrodes if part.on_head else _in_helmet)(anatomy, sensors)
        leading = recording.is_leading(sensors.get_channel_types())
        for whole, own, level in zip(
            (heart, blink), patterns, (noise.heart_t, noise.blink_t), strict=True
        ):
            whole[picks] = own * level / abs(own[leading]).max()
    return heart, blink


def _in_electrodes(anatomy, info):
    eyes_m = anatomy.head_m(anatomy.from_mni152(np.array(EYES_MNI152_MM)))
    places_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    patterns = (
        recording.potential_of(places_m, HEART_HEAD_M[None], HEART_MOMENT),
        recording.potential_of(places_m, eyes_m, np.array([0.0, 0.0, 1.0])),
    )
    return tuple(re_referenced(each, info) for each in patterns)


def _in_helmet(anatomy, info):
    eyes_m = anatomy.head_m(anatomy.from_mni152(np.array(EYES_MNI152_MM)))
    dev_head_t = info["dev_head_t"]["trans"]
    heart_dev_m = apply_trans(np.linalg.inv(dev_head_t), HEART_HEAD_M)
    heart = recording.heart_field(info, heart_dev_m, HEART_MOMENT)
    return heart, recording.eye_field(info, eyes_m, np.array([0.0, 0.0, 0.045]))


def _record_empty_room(rng, room, meg_info, white, recipe, bad):
    """The same sensors in the same room on the same day, without the patient."""
    info = meg_info.copy()
    with info._unlock():
        info["dev_head_t"], info["dig"] = None, None
    kinds = info.get_channel_types()
    n_times = int(recipe.empty_room_minutes * 60 * recording.SFREQ)
    data = np.zeros((len(kinds), n_times))
    _add(data, room, recording.surroundings(rng, n_times))
    recording.sensor_noise(rng, data, kinds, white)
    recording.break_channel(rng, data[bad])
    recording.clip_to_range(data, kinds)
    room = mne.io.RawArray(data, info, copy=None, verbose="error")
    return room.pick("meg")  # a cap lies in its drawer


def _auxiliary(rng, data, beats, blinks):
    """EOG and ECG with their own noise, V."""
    n_times = data.shape[1]
    noise = activity.coloured_noise(rng, 2, n_times, recording.SFREQ, activity.one_over_f)
    data[0] = 180e-6 * blinks + 12e-6 * noise[0] + 15e-6 * beats
    data[1] = 1.1e-3 * beats + 30e-6 * noise[1]
    data += 3e-6 * np.sin(2 * np.pi * recording.LINE_HZ * np.arange(n_times) / recording.SFREQ)


def _add(data, patterns, courses):
    """Add patterns (n_channels, k) times courses (k, n_times), some channels at a time."""
    patterns, courses = (each.astype(np.float32, copy=False) for each in (patterns, courses))
    for start in range(0, len(data), recording.CHANNELS_AT_ONCE):
        rows = slice(start, start + recording.CHANNELS_AT_ONCE)
        data[rows] += patterns[rows] @ courses
