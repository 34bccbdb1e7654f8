"""Where the head lay in the helmet while a run was recorded, and at its spikes."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import mne
import numpy as np
from mne.io.kit.constants import KIT
from mne.io.kit.kit import RawKIT

from pipeline.head_position import STEP_DEG, STEP_MM, HeadPositions, displacement, group
from pipeline.modality import modality_of
from pipeline.records.spikes_qc import HeadPositionsQC, MovementQC
from pipeline.spikes.maxfilter import is_processed

NOT_MEASURED = "not measured"
NOT_NEEDED = "of no effect: electrodes move with the head"
FOLLOWED = "followed by the coils on the head"
# Coils are located about once a second: a spike further from every fix has the nearest one's place.
FIX_EVERY_S, LARGEST_GAP_S = 1.0, 5.0
SHOWN_FIXES = 200
# Of MaxFilter's table of head positions.
_COLUMNS = 10
_KIT_SWITCH = "MISC 064"


class _Run(Protocol):
    info: mne.Info
    places: np.ndarray | None
    movement: MovementQC

    @property
    def usable(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Track:
    """Fixes of the head's position.

    Attributes
    ----------
    times_s : ndarray, (n,)
        From the first stored sample.
    dev_head_t : ndarray, (n, 4, 4)
    source : str
        Who says so.
    """

    times_s: np.ndarray
    dev_head_t: np.ndarray
    source: str

    def at(self, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position (n, 4, 4) of the nearest fix, and how far away in time it is (n,)."""
        away_s = np.abs(times_s[:, None] - self.times_s)
        nearest = away_s.argmin(1)
        return self.dev_head_t[nearest], away_s[np.arange(len(times_s)), nearest]


def head_position_file(recording: Path) -> Path | None:
    """``*_headpos.pos`` beside a recording, in MaxFilter's format, where it is there."""
    name = re.sub(r"(_meg)?\.\w+$|_meg$", "_headpos.pos", recording.name)
    file = recording.with_name(name)
    return file if file.exists() and file != recording else None


def follow(raw: mne.io.BaseRaw, path: Path, notes: list[str]) -> Track | None:
    """The head's positions in a recording as the machine wrote it; None where they are not known.

    From ``*_headpos.pos`` if it is there, else from the recording's own localisation. What was
    MaxFiltered elsewhere is not followed: it may be in one position already.
    """
    if is_processed(raw.info, path):
        if _localiser(raw) is not None:
            notes.append(
                f"{path.name} was MaxFiltered elsewhere, perhaps with movement compensation: the "
                "head's position is the one that its header states."
            )
        return None
    file = head_position_file(path)
    if file is not None:
        return _read(file, raw, notes)
    localiser = _localiser(raw)
    if localiser is None:
        return None
    try:
        table = localiser(raw)
    except Exception as error:  # whatever a damaged localisation makes the parsers raise
        if localiser is _kit and isinstance(error, RuntimeError):
            return None  # nothing switched the coils on during the recording
        notes.append(_lost(path, f"could not be evaluated ({type(error).__name__})"))
        return None
    if not len(table):
        notes.append(_lost(path, "found fewer than three coils at any moment"))
        return None
    n_expected = raw.times[-1] / FIX_EVERY_S
    if localiser is _megin and len(table) < n_expected / 2:
        notes.append(
            f"The head localisation of {path.name} found three coils or more at {len(table)} of "
            f"{n_expected:.0f} moments only."
        )
    return _track(table, raw.first_time, "the recording's head localisation")


def located(
    raw: mne.io.BaseRaw, path: Path, spike_s: np.ndarray, notes: list[str]
) -> tuple[np.ndarray | None, MovementQC]:
    """The head's position at each spike of a recording as the machine wrote it, and its way."""
    track = follow(raw, path, notes)
    places = positions_at(track, raw.info, spike_s, path, notes)
    return places, movement_quality(track, places, spike_s)


def positions_at(
    track: Track | None, info: mne.Info, spike_s: np.ndarray, path: Path, notes: list[str]
) -> np.ndarray | None:
    """The head's position (n_spikes, 4, 4) at each spike; None where the recording tells none."""
    if track is None:
        if info["dev_head_t"] is None:
            return None
        return np.tile(info["dev_head_t"]["trans"], (len(spike_s), 1, 1))
    places, away_s = track.at(spike_s)
    n_far = int((away_s > LARGEST_GAP_S).sum())
    if n_far:
        notes.append(
            f"{n_far} of {len(spike_s)} spikes of {path.name} lie more than {LARGEST_GAP_S:g} s from "
            "any fix of the head's position; the nearest one is taken."
        )
    return places


def movement_quality(
    track: Track | None, places: np.ndarray | None, spike_s: np.ndarray
) -> MovementQC:
    """What is told of a run's movement, all distances from its first fix."""
    if track is None or places is None:
        return MovementQC(source=NOT_MEASURED, spike_s=_rounded(spike_s, 3))
    shown = np.unique(np.linspace(0, len(track.times_s) - 1, SHOWN_FIXES).astype(int))
    distance_mm, angle_deg = displacement(track.dev_head_t[0], track.dev_head_t[shown])
    at_spike_mm, _ = displacement(track.dev_head_t[0], places)
    return MovementQC(
        source=track.source,
        times_s=_rounded(track.times_s[shown], 1),
        distance_mm=_rounded(distance_mm, 2),
        angle_deg=_rounded(angle_deg, 2),
        spike_s=_rounded(spike_s, 3),
        spike_distance_mm=_rounded(at_spike_mm, 2),
    )


def positions_of_average(
    runs: Sequence[_Run], accepted: np.ndarray
) -> tuple[HeadPositions | None, HeadPositionsQC | None]:
    """The head's positions at an average's spikes, and what is told of them.

    Parameters
    ----------
    runs : list of Run
        The first gave the leadfield its position.
    accepted : ndarray of bool, (n_usable,)
        Of the usable marks, run by run.

    Returns
    -------
    positions : HeadPositions or None
        None where all lie where the leadfield has the head, within `STEP_MM` and `STEP_DEG`.
    quality : HeadPositionsQC or None
        None where no run tells a position.
    """
    if runs[0].info["dev_head_t"] is None:
        return None, None
    reference = runs[0].info["dev_head_t"]["trans"]
    places = [
        np.tile(reference, (int(run.usable.sum()), 1, 1)) if run.places is None else run.places
        for run in runs
    ]
    used = np.concatenate(places)[accepted]
    distance_mm, angle_deg = displacement(reference, used)
    positions, width_mm = group(used)
    apart = [displacement(place, used) for place in used]
    still = bool((distance_mm <= STEP_MM).all() and (angle_deg <= STEP_DEG).all())
    quality = HeadPositionsQC(
        n_positions=1 if still else len(positions.dev_head_t),
        width_mm=round(width_mm, 2),
        largest_distance_mm=round(float(max(mm.max() for mm, _ in apart)), 2),
        largest_angle_deg=round(float(max(deg.max() for _, deg in apart)), 2),
        from_leadfield_mm=round(float(distance_mm.max()), 2),
        from_leadfield_deg=round(float(angle_deg.max()), 2),
    )
    return (None if still else positions), quality


def in_words(runs: Sequence[_Run]) -> str:
    """Whether the head was followed, for tables."""
    followed = sum(run.movement.source != NOT_MEASURED for run in runs)
    if not followed:
        return NOT_NEEDED if modality_of(runs[0].info).on_head else NOT_MEASURED
    return FOLLOWED if followed == len(runs) else f"{FOLLOWED} in {followed} of {len(runs)} runs"


def _localiser(raw: mne.io.BaseRaw) -> Callable[[mne.io.BaseRaw], np.ndarray] | None:
    """What gives mne's table of head positions of a recording; None where it has no localisation."""
    if len(mne.chpi.get_chpi_info(raw.info, on_missing="ignore")[0]):
        return _megin
    if any(name.startswith("HLC00") for name in raw.ch_names):
        return _ctf
    if isinstance(raw, RawKIT) and _KIT_SWITCH in raw.ch_names:
        (extras,) = raw._raw_extras
        directory = extras.get("dirs", ())
        if len(directory) > KIT.DIR_INDEX_CHPI_DATA:
            return _kit if directory[KIT.DIR_INDEX_CHPI_DATA]["count"] else None
    return None


def _megin(raw: mne.io.BaseRaw) -> np.ndarray:
    amplitudes = mne.chpi.compute_chpi_amplitudes(raw, t_step_min=FIX_EVERY_S, verbose="error")
    return _fixes(raw.info, mne.chpi.compute_chpi_locs(raw.info, amplitudes, verbose="error"))


def _ctf(raw: mne.io.BaseRaw) -> np.ndarray:
    return _fixes(raw.info, mne.chpi.extract_chpi_locs_ctf(raw, verbose="error"))


def _kit(raw: mne.io.BaseRaw) -> np.ndarray:
    return _fixes(raw.info, mne.chpi.extract_chpi_locs_kit(raw, verbose="error"))


def _fixes(info: mne.Info, coils: dict[str, np.ndarray]) -> np.ndarray:
    """mne's table of positions, the first of each `FIX_EVERY_S`."""
    _, kept = np.unique(np.floor(coils["times"] / FIX_EVERY_S), return_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one for each moment with too few coils
        return mne.chpi.compute_head_pos(
            info, {key: value[kept] for key, value in coils.items()}, weighted=True, verbose="error"
        )


def _read(file: Path, raw: mne.io.BaseRaw, notes: list[str]) -> Track | None:
    """A file's positions, whose times count from the acquisition or from the first stored sample."""
    try:
        # mne's own reader refuses a file in which one moment is NaN.
        table = np.loadtxt(file, skiprows=1, ndmin=2).reshape(-1, _COLUMNS)
    except Exception as error:  # numpy's parser raises anything
        notes.append(_lost(file, f"is not one of MaxFilter's format ({type(error).__name__})"))
        return None
    table, n_lost = _with_fix(table)
    if n_lost:
        notes.append(
            f"At {n_lost} of {n_lost + len(table)} moments of {file.name} the head was not located; "
            "the nearest fix is taken."
        )
    end_s, first_s = raw.times[-1] + FIX_EVERY_S, raw.first_time
    begins = [
        start
        for start in dict.fromkeys((first_s, 0.0))
        if len(table) and start - FIX_EVERY_S <= table[0, 0] <= table[-1, 0] <= start + end_s
    ]
    if not begins:
        notes.append(_lost(file, f"holds no positions within the {raw.times[-1]:.0f} s of its run"))
        return None
    if len(begins) > 1:
        notes.append(
            f"The times of {file.name} fit the recording whether they count from the acquisition or "
            "from the first stored sample; from the acquisition, as MaxFilter's do, is taken."
        )
    return _track(table, begins[0], file.name)


def _with_fix(table: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows of mne's table at which the head was located, and the number of others.

    MaxFilter goes on writing where the coils are lost, with a goodness of fit of zero; others write
    NaN there.
    """
    lost = ~np.isfinite(table).all(1) | (table[:, 7] <= 0)
    return table[~lost], int(lost.sum())


def _track(table: np.ndarray, begin_s: float, source: str) -> Track:
    turn = mne.chpi.head_pos_to_trans_rot_t(table)
    dev_head_t = np.tile(np.eye(4), (len(table), 1, 1))
    dev_head_t[:, :3, 3], dev_head_t[:, :3, :3] = turn[0], turn[1]
    return Track(turn[2] - begin_s, dev_head_t, source)


def _lost(file: Path, why: str) -> str:
    return (
        f"The head localisation of {file.name} {why}: whether the head moved is not measured, and "
        "the position that the recording's header states is used."
    )


def _rounded(values: np.ndarray, digits: int) -> tuple[float, ...]:
    return tuple(np.round(values, digits).tolist())
