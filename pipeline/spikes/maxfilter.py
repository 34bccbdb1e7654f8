"""Signal-space separation (MaxFilter) of raw MEGIN recordings, by mne, in blocks.

Taulu & Kajola, J. Appl. Phys. 97, 2005 (SSS); Taulu & Simola, Phys. Med. Biol. 51, 2006 (tSSS).
The separation is one matrix for a whole recording, so that blocks give what the whole would, in flat
memory; tSSS works on stretches, which begin anew with each block.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.preprocessing.maxwell import _read_cross_talk

from pipeline.errors import InvalidInput
from pipeline.names import channel_key, entities_of, match
from pipeline.progress import Progress
from pipeline.records.spikes_qc import MaxFilterQC

# MaxFilter's own origin: the middle of most heads, in head coordinates.
ORIGIN_HEAD_M = (0.0, 0.0, 0.04)
BLOCK_S = 60.0
TSSS_CORRELATION = 0.98
LOOKED_AT_S, N_LOOKS = 60.0, 5
# A machine's own fine calibration turns its sensors by fractions of a degree.
LARGEST_TURN_DEG, LARGEST_MOVE_MM = 10.0, 5.0
_VECTORVIEW = (
    *(FIFF.FIFFV_COIL_VV_PLANAR_T1, FIFF.FIFFV_COIL_VV_PLANAR_T2, FIFF.FIFFV_COIL_VV_PLANAR_T3),
    *(FIFF.FIFFV_COIL_VV_MAG_T1, FIFF.FIFFV_COIL_VV_MAG_T2, FIFF.FIFFV_COIL_VV_MAG_T3),
)
_PROCESSED_NAME = re.compile(r"t?sss|mc|maxfilter", re.IGNORECASE)


@dataclass(frozen=True)
class MachineFiles:
    """What BIDS keeps of a MEGIN machine beside its recordings."""

    calibration: Path | None
    crosstalk: Path | None

    @property
    def both(self) -> bool:
        return self.calibration is not None and self.crosstalk is not None

    @property
    def there(self) -> list[Path]:
        return [file for file in (self.calibration, self.crosstalk) if file is not None]


def machine_files(recording: Path) -> MachineFiles:
    """``acq-calibration_meg.dat`` and ``acq-crosstalk_meg.fif`` in the recording's folder."""
    kinds = ("calibration_meg.dat", "crosstalk_meg.fif")
    found = [sorted(recording.parent.glob(f"*_acq-{kind}")) for kind in kinds]
    return MachineFiles(*(files[0] if files else None for files in found))


def is_processed(info: mne.Info, path: Path) -> bool:
    """Whether a recording says, in its header or its name, that it was MaxFiltered."""
    said = any((step.get("max_info") or {}).get("sss_info") for step in info["proc_history"])
    entities = entities_of(path.name)
    return said or any(_PROCESSED_NAME.match(entities.get(key, "")) for key in ("proc", "rec"))


def is_shielded(info: mne.Info, path: Path) -> bool:
    """Whether it is raw data recorded with internal active shielding: not to be used as it is."""
    return bool(info.get("maxshield")) and not is_processed(info, path)


def decision(info: mne.Info, path: Path, mode: str) -> tuple[bool, str]:
    """Whether a recording is MaxFiltered, and why.

    Raises
    ------
    InvalidInput
        It was recorded with internal active shielding, is raw, and is to be left so.
    """
    meg = mne.pick_types(info, meg=True, exclude=())
    coils = {int(info["chs"][pick]["coil_type"]) for pick in meg}
    if not coils:
        return False, "MEG is not imaged"
    if not coils.intersection(_VECTORVIEW):
        return False, "not of MEGIN"
    if is_processed(info, path):
        return False, "it says that it was processed before"
    if mode == "off":
        if is_shielded(info, path):
            raise InvalidInput(
                "the recording was made with internal active shielding and is raw, and MaxFilter is off",
                file=path,
                hint='set maxfilter = "auto" under [spikes], or give the MaxFiltered recording; where '
                "it lies beside this file, choose it with --bids-filter-file and "
                '{"meg": {"processing": "sss"}}',
            )
        return False, "switched off"
    if mode == "on":
        return True, "switched on"
    if is_shielded(info, path):
        return True, "recorded with internal active shielding"
    if machine_files(path).both:
        return True, "calibration and crosstalk of its machine are there"
    return False, "neither active shielding nor both files of its machine"


def require_like(info: mne.Info, path: Path, done_before: MaxFilterQC) -> None:
    """Refuse an empty room that was processed where the patient's recording is raw, or otherwise."""
    if done_before.done and is_processed(info, path):
        raise InvalidInput(
            "the empty-room recording was MaxFiltered before, and the patient's is raw",
            file=path,
            hint="give the raw empty-room recording",
        )
    if not done_before.done and is_shielded(info, path):
        raise InvalidInput(
            "the empty-room recording is raw and was made with internal active shielding, and the "
            "patient's is not MaxFiltered here",
            file=path,
            hint="give an empty-room recording that was processed as the patient's",
        )


@dataclass(frozen=True)
class Left:
    """A MaxFiltered recording, what is told of it, and the folder that its data lie in."""

    filtered: mne.io.BaseRaw
    qc: MaxFilterQC
    notes: list[str]
    folder: Path


@dataclass(frozen=True)
class Kept:
    """MaxFiltered recordings that were used once and will be used once more.

    Attributes
    ----------
    folder : Path
        Holds their data, 8 bytes a sample, until they are used again.
    of : dict
        By what was asked for: recording, names of its channels, bad ones, and length of tSSS's stretches.
    """

    folder: Path
    of: dict[tuple, Left] = field(default_factory=dict)


@contextmanager
def maxfiltered(
    raw: mne.io.BaseRaw,
    path: Path,
    mode: str,
    tsss_s: float,
    notes: list[str],
    progress: Progress,
    like: MaxFilterQC | None = None,
    dev_head_t: mne.Transform | None = None,
    kept: Kept | None = None,
) -> Iterator[tuple[mne.io.BaseRaw, MaxFilterQC]]:
    """The recording after MaxFilter, or as it is; what was done and what it did to the noise.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Its bad channels are reconstructed from the others.
    path : Path
    mode : str
        auto, on or off.
    tsss_s : float
        Length of tSSS's stretches in seconds; 0 for SSS alone.
    notes : list of str
        Gets a sentence where a file of the machine cannot be used.
    progress : Progress
    like : MaxFilterQC, optional
        For an empty room, what was done with the patient's recording: the same is done, with its bad
        channels, so that both lie in one space.
    dev_head_t : mne.Transform, optional
        For an empty room, where the head was.
    kept : Kept, optional
        Where the result is left for whoever asks for the same next, and taken from where it was left.
    """
    done, why = decision(raw.info, path, mode) if like is None else (like.done, like.why)
    if not done:
        yield raw, MaxFilterQC(file=path.name, done=False, why=why)
        return
    if kept is None:
        with progress.step(f"MaxFilter of {path.name}"), TemporaryDirectory() as folder:
            filtered, qc = _separate(raw, path, why, tsss_s, notes, Path(folder), like, dev_head_t)
            yield filtered, qc
        return
    asked = path, tuple(raw.ch_names), tuple(sorted(raw.info["bads"])), tsss_s
    if asked in kept.of:
        left = kept.of.pop(asked)
        notes.extend(left.notes)
        yield left.filtered, left.qc
        rmtree(left.folder)
        return
    own = Path(mkdtemp(dir=kept.folder))
    with progress.step(f"MaxFilter of {path.name}"):
        told: list[str] = []
        filtered, qc = _separate(raw, path, why, tsss_s, told, own, like, dev_head_t)
        kept.of[asked] = Left(filtered.copy(), qc, told, own)
        notes.extend(told)
        yield filtered, qc


def _separate(
    raw: mne.io.BaseRaw,
    path: Path,
    why: str,
    tsss_s: float,
    notes: list[str],
    folder: Path,
    like: MaxFilterQC | None,
    dev_head_t: mne.Transform | None,
) -> tuple[mne.io.BaseRaw, MaxFilterQC]:
    """`maxfiltered` where it is to be done, with its data in the folder."""
    place = dev_head_t or raw.info["dev_head_t"]
    origin_m = ORIGIN_HEAD_M
    if place is not None:
        origin_m = tuple(mne.transforms.apply_trans(np.linalg.inv(place["trans"]), origin_m))
    files = _usable(machine_files(path), raw, notes)
    settings: dict[str, Any] = {
        "origin": origin_m if place is not None else (0.0, 0.0, 0.0),
        "coord_frame": "meg",
        "calibration": files.calibration,
        "cross_talk": files.crosstalk,
        "ignore_ref": True,
        "bad_condition": "warning",
    }
    raw = raw.copy()
    if like is None:
        raw.info["bads"] = sorted({*raw.info["bads"], *_found_bad(raw, settings)})
    else:
        raw.info["bads"] = [n for n in like.reconstructed_channels if n in raw.ch_names]
    bad = [name for name in raw.info["bads"] if name in _meg_names(raw)]
    if tsss_s:
        settings |= {"st_duration": tsss_s, "st_correlation": TSSS_CORRELATION}
        settings |= {"st_overlap": False}
    filtered, change_db = _in_blocks(raw, settings, tsss_s, folder)
    return (
        filtered,
        MaxFilterQC(
            file=path.name,
            done=True,
            why=why,
            method=f"tSSS of {tsss_s:g} s" if tsss_s else "SSS",
            calibration=files.calibration.name if files.calibration else None,
            crosstalk=files.crosstalk.name if files.crosstalk else None,
            reconstructed_channels=tuple(bad),
            noise_change_db=change_db,
        ),
    )


def _meg_names(raw) -> set[str]:
    return {raw.ch_names[pick] for pick in mne.pick_types(raw.info, meg=True, exclude=())}


def _found_bad(raw: mne.io.BaseRaw, settings: dict) -> set[str]:
    """Bad channels of stretches of a minute, evenly drawn: noisy and flat ones spoil all others."""
    keep = ("origin", "coord_frame", "calibration", "cross_talk", "ignore_ref", "bad_condition")
    length = raw.n_times / raw.info["sfreq"]
    n_looks = int(np.clip(length // LOOKED_AT_S, 1, N_LOOKS))
    found: set[str] = set()
    for start in np.linspace(0, max(0, length - LOOKED_AT_S), n_looks):
        stop = min(start + LOOKED_AT_S, raw.times[-1])
        part = raw.copy().crop(start, stop).load_data().pick("meg", exclude=())
        noisy, flat = mne.preprocessing.find_bad_channels_maxwell(
            part, **{key: settings[key] for key in keep}, verbose="error"
        )
        found |= {*noisy, *flat}
    return found


def _in_blocks(
    raw: mne.io.BaseRaw, settings: dict, tsss_s: float, folder: Path
) -> tuple[mne.io.BaseRaw, dict[str, float]]:
    """The whole recording filtered, on disk; the change of noise in the block in the middle."""
    sfreq = raw.info["sfreq"]
    block = round(BLOCK_S * sfreq)
    if tsss_s:
        stretch = round(tsss_s * sfreq)
        block = max(1, round(block / stretch)) * stretch
    starts = list(range(0, max(1, raw.n_times - block + 1), block))
    stops = [*starts[1:], raw.n_times]
    parts, change_db = [], dict[str, float]()
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        part = raw.copy().crop(start / sfreq, (stop - 1) / sfreq).load_data()
        filtered = mne.preprocessing.maxwell_filter(part, **settings, verbose="error")
        if index == len(starts) // 2:
            change_db = noise_change_db(part, filtered)
        # Rounding to 32 bits would fill the directions that the separation emptied.
        parts.append(folder / f"{index:05d}_raw.fif")
        filtered.save(parts[-1], fmt="double", verbose="error")
    opened = [mne.io.read_raw_fif(part, verbose="error") for part in parts]
    joined = mne.concatenate_raws(opened, verbose="error") if len(opened) > 1 else opened[0]
    joined.set_annotations(raw.annotations.copy(), emit_warning=False)
    return joined, change_db


def noise_change_db(
    before: mne.io.BaseRaw, after: mne.io.BaseRaw, band_hz: tuple[float, float] = (1.0, 40.0)
) -> dict[str, float]:
    """By sensor type, 10 log10 of the power after over that before, median over good channels."""
    change = {}
    for kind in ("mag", "grad"):
        picks = mne.pick_types(before.info, meg=kind)
        if len(picks):
            power = [
                mne.filter.filter_data(
                    each.get_data([before.ch_names[pick] for pick in picks]),
                    before.info["sfreq"],
                    *band_hz,
                    verbose="error",
                ).var(1)
                for each in (before, after)
            ]
            change[kind] = round(float(np.median(10 * np.log10(power[1] / power[0]))), 2)
    return change


def unfit_files(raw: mne.io.BaseRaw, path: Path, mode: str) -> list[str]:
    """A sentence for each file of the machine that a recording to be MaxFiltered will do without."""
    notes: list[str] = []
    if decision(raw.info, path, mode)[0]:
        _usable(machine_files(path), raw, notes)
    return notes


def _usable(files: MachineFiles, raw: mne.io.BaseRaw, notes: list[str]) -> MachineFiles:
    """The machine's files that fit the recording; a sentence for each other."""
    calibration, crosstalk = files.calibration, files.crosstalk
    if calibration and (problem := _calibration_problem(calibration, raw.info)):
        notes.append(f"The calibration {calibration.name} was not used: {problem}.")
        calibration = None
    if crosstalk and (problem := _crosstalk_problem(crosstalk, raw)):
        notes.append(f"The crosstalk {crosstalk.name} was not used: {problem}.")
        crosstalk = None
    return MachineFiles(calibration, crosstalk)


def _calibration_problem(file: Path, info: mne.Info) -> str:
    try:
        read = mne.preprocessing.read_fine_calibration(file)
    except Exception:  # the parser raises anything
        return "it is damaged, or no fine calibration"
    picks = mne.pick_types(info, meg=True, exclude=())
    names = [info["ch_names"][pick] for pick in picks]
    joined = match(names, read["ch_names"], channel_key)
    if joined.lost:
        return (
            f"it is of another machine, or damaged: it lacks {len(joined.lost)} of "
            f"{len(names)} channels"
        )
    row = {name: i for i, name in enumerate(read["ch_names"])}
    stated = np.array([read["locs"][row[joined.found[name]]] for name in names])
    own = np.array([info["chs"][pick]["loc"] for pick in picks])
    turn = np.degrees(np.arccos(np.clip(np.sum(stated[:, 9:] * own[:, 9:], axis=1), -1, 1)))
    move_mm = 1000 * np.linalg.norm(stated[:, :3] - own[:, :3], axis=1)
    if turn.max() > LARGEST_TURN_DEG or move_mm.max() > LARGEST_MOVE_MM:
        return (
            f"it is of another machine: its sensors lie up to {move_mm.max():.0f} mm and "
            f"{turn.max():.0f} degrees from those of the recording"
        )
    return ""


def _crosstalk_problem(file: Path, raw: mne.io.BaseRaw) -> str:
    picks = mne.pick_types(raw.info, meg=True, exclude=())
    try:
        _read_cross_talk(str(file), [raw.ch_names[pick] for pick in picks])
    except Exception:  # the parser raises anything
        return "it is damaged, or of another machine"
    return ""
