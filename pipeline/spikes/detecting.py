"""Marks by the detector: reads the recordings in blocks and writes a table for each."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.detection.noise import quiet_covariance
from pipeline.detection.statistic import Detector, make_detector
from pipeline.detection.stream import Detected, detect
from pipeline.errors import InvalidInput
from pipeline.files import read_json, sha256, write_json, write_text
from pipeline.head_position import STEP_DEG, STEP_MM, HeadPositions, displacement
from pipeline.modality import field_picks, sensor_names
from pipeline.names import events_name
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.readers import imaged_modality
from pipeline.records.head import at_positions, read_measured_head
from pipeline.spikes.blocks import MARGIN_S, Blocks
from pipeline.spikes.channels import find_bad_channels
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.events import REVIEW, UNREVIEWED, VERTEX_LIKE
from pipeline.spikes.filtering import WINDOW_S, WindowStats, measure
from pipeline.spikes.limits import require_channels
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.maxfilter import Kept, maxfiltered
from pipeline.spikes.places import marked_stretches, spans
from pipeline.spikes.recording import open_recording
from pipeline.tables import read_tsv, to_tsv
from pipeline.template import N_REGIONS, load_template
from pipeline.template.cortex import region_adjacency
from pipeline.whitening import whitener

N_SAMPLED = 40
SEED = 0
TAG = "sc:Epileptiform-interictal-activity"
# Of the table as the detector wrote it, in its JSON file.
HASH = "TableSHA256"


def with_detected(
    inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress, kept: Kept | None
) -> Inputs:
    """The inputs with the detector's tables in the place of the dataset's, which it writes.

    The inputs as they are where no spikes are to be looked for. What had to be MaxFiltered is left in
    `kept`, for the averages.

    Raises
    ------
    InvalidInput
        See `require_free`.
    """
    if not inputs.detect:
        return inputs
    require_free(inputs, paths)
    tables = [_table_of(recording, paths) for recording in inputs.meg]
    there = open_recording(inputs.meg[0], inputs.modality).info[
        "dev_head_t"
    ]  # which the leadfield has
    for recording, channels_tsv, table in zip(inputs.meg, inputs.channels_tsv, tables, strict=True):
        found = detected_spikes(recording, channels_tsv, paths, config, progress, there, kept)
        _write(table, found, config)
    return replace(inputs, events=list(tables), events_json=[])


def require_free(inputs: Inputs, paths: PatientPaths) -> None:
    """Raise `InvalidInput` where spikes are not to be looked for.

    A table is there already that somebody has reviewed, or see `require_measured`.
    """
    require_measured(inputs.meg, inputs.modality)
    for table in reviewed_tables(inputs, paths):
        raise InvalidInput(
            "somebody has reviewed or changed the detector's marks, which a new detection would overwrite",
            file=table,
            hint=f"use them with --marks {paths.output_dir.name}, without --detect-spikes; or move "
            "the table away",
        )


def require_measured(recordings: Sequence[Path], name: str = "") -> None:
    """Raise `InvalidInput` for recordings of a modality on which the detector was never measured."""
    for path in recordings:
        modality = imaged_modality(path, name)
        if not modality.calibrated:
            raise InvalidInput(
                f"spikes are looked for in MEG alone, since it was not measured how many would be false in "
                f"{modality.label}",
                file=path,
                hint="mark the spikes in events.tsv, and run without --detect-spikes",
            )


def _table_of(recording: Path, paths: PatientPaths) -> Path:
    """Where ``--marks OUTPUT_DIR`` looks for the recording's table."""
    parts = recording.parts
    below = parts[parts.index(paths.sub) : -1] if paths.sub in parts else (paths.sub, "meg")
    return paths.output_dir.joinpath(*below, events_name(recording.name))


def reviewed_tables(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Tables of an earlier detection that somebody has reviewed or changed since, where a new one is asked for."""
    if not inputs.detect:
        return []
    tables = [_table_of(recording, paths) for recording in inputs.meg]
    return [
        table for table in tables if table.exists() and (_is_changed(table) or _is_reviewed(table))
    ]


def _is_changed(table: Path) -> bool:
    described = table.with_suffix(".json")
    written = read_json(described).get(HASH) if described.exists() else None
    return written is not None and written != sha256(table)


def _is_reviewed(table: Path) -> bool:
    review = read_tsv(table, ("onset",), []).get(REVIEW, pd.Series(dtype=str))
    return bool((review.str.lower() != UNREVIEWED).any())


def _write(table: Path, found: Detected, config: Config) -> None:
    n_spikes, n_others = len(found.time_s), len(found.vertex_like_s)
    rows = pd.DataFrame(
        {
            "onset": np.concatenate([found.time_s, found.vertex_like_s]).round(4),
            "duration": 0,
            "trial_type": ["spike"] * n_spikes + [VERTEX_LIKE] * n_others,
            "score": [*found.score.astype(float).round(3), *[np.nan] * n_others],
            REVIEW: UNREVIEWED,
        }
    ).sort_values("onset", kind="stable")
    described = {
        "onset": {"Description": "Peak, from the first stored sample", "Units": "s"},
        "trial_type": {
            "Levels": {
                "spike": "Found by a detector",
                VERTEX_LIKE: "Found by a detector; broader than a spike or of two patches at once, as "
                "vertex waves are and some spikes: not used unless its trial_type is made spike",
            },
            "HED": {"spike": TAG},
        },
        "score": {
            "Description": "Statistic over its threshold, which surrogates of this recording without "
            f"transients reach {config.false_per_minute:g} times a minute: {found.expected_false:.1f} "
            "times in this recording"
        },
        REVIEW: {
            "Description": "What a person says of the mark",
            "Levels": {
                UNREVIEWED: "Nobody has looked at it",
                "accepted": "A spike",
                "rejected": "No spike: it is not used",
            },
        },
    }
    text = to_tsv(rows)
    described[HASH] = hashlib.sha256(text.encode()).hexdigest()
    # In this order a run that is killed in between leaves no table that looks changed.
    table.unlink(missing_ok=True)
    write_json(table.with_suffix(".json"), described)
    write_text(table, text)


def detected_spikes(
    path: Path,
    channels_tsv: Path | None,
    paths: PatientPaths,
    config: Config,
    progress: Progress,
    there: mne.Transform | None = None,
    kept: Kept | None = None,
) -> Detected:
    """What the detector finds in one recording, outside of its bad stretches.

    Parameters
    ----------
    path : Path
    channels_tsv : Path or None
        Says which channels are bad.
    paths : PatientPaths
        Where the head model's leadfield lies.
    config : Config
    progress : Progress
    there : mne.Transform, optional
        Device to head where the leadfield has the head; without it the run's head lies there too.
    kept : Kept, optional
        Gets the recording after MaxFilter, where that is done.
    """
    raw, notes = open_recording(path), list[str]()
    marked = channel_marks(raw, path, channels_tsv, notes)
    raw.info["bads"] = [name for name in raw.ch_names if name in marked]
    stretches_s = spans(marked_stretches(raw, None))
    how = config.maxfilter, config.tsss_s, notes, progress
    with maxfiltered(raw, path, *how, kept=kept) as (separated, _):
        blocks = Blocks(separated, path, config)
        known = partial(_leadfield, paths=paths, info=separated.info, there=there)
        detector = fitted_detector(blocks, set(marked), known)
        n_blocks = len(blocks.starts)
        with progress.step(f"Looking for spikes in {path.name}", total=n_blocks) as bar:
            found = detect(
                lambda index: blocks.with_fast(index, MARGIN_S),
                blocks.starts / blocks.sfreq - MARGIN_S,
                MARGIN_S,
                detector,
                config.false_per_minute,
                SEED,
                bar.advance,
            )

    def clean(time_s: np.ndarray) -> np.ndarray:
        near = (stretches_s[:, :1] - 0.5 < time_s) & (time_s < stretches_s[:, 1:] + 0.5)
        return ~near.any(0) & (time_s > 1) & (time_s < raw.times[-1] - 1)

    is_clean = clean(found.time_s)
    return replace(
        found,
        time_s=found.time_s[is_clean],
        score=found.score[is_clean],
        vertex_like_s=found.vertex_like_s[clean(found.vertex_like_s)],
    )


def _leadfield(
    names: list[str], paths: PatientPaths, info: mne.Info, there: mne.Transform | None
) -> np.ndarray:
    """Leadfield (n_channels, 994) of a run, at its own head position where that is another."""
    head, here = read_measured_head(paths, names), info["dev_head_t"]
    if here is None or there is None:
        return head.leadfield
    (distance_mm,), (angle_deg,) = displacement(there["trans"], here["trans"][None])
    if distance_mm <= STEP_MM and angle_deg <= STEP_DEG:
        return head.leadfield
    dropped = set(sensor_names(info)).difference(names)
    kept = [pick for pick in field_picks(info) if info["ch_names"][pick] not in dropped]
    positions = HeadPositions(here["trans"][None], np.zeros(1, int))
    return at_positions(head, mne.pick_info(info, kept), positions).leadfield


def fitted_detector(
    blocks: Blocks, marked: set[str], leadfield_of: Callable[[list[str]], np.ndarray]
) -> Detector:
    """The detector for a recording: noise and bad channels from blocks drawn evenly over it.

    Parameters
    ----------
    blocks : Blocks
        Gives its good channels alone from then on.
    marked : set of str
        Channels that are bad whatever is measured.
    leadfield_of : callable
        From channels' names to their leadfield (n_channels, n_patches).

    Raises
    ------
    InvalidInput
        Most channels are bad.
    """
    info = mne.pick_info(blocks.raw.info, blocks.picks)
    types = np.array(info.get_channel_types())
    drawn = np.unique(
        np.linspace(0, len(blocks.starts) - 1, min(N_SAMPLED, len(blocks.starts))).astype(int)
    )
    bands, measured = [], []
    window = round(WINDOW_S * blocks.sfreq)
    for index in drawn:
        core, band = blocks.filtered(int(index), 0.0)
        bands.append(band)
        # At the kept rate: what differs from channel to channel does so at either.
        kept = core[:, :: blocks.step][:, : band.shape[1]]
        measured.append(measure(kept, band, window))
    stuck, level, std, ptp, fast = (
        np.concatenate(part, axis=1) for part in zip(*measured, strict=True)
    )
    stats = WindowStats(stuck, level, std, ptp, fast, window / blocks.sfreq)
    total = np.add.reduce([band @ band.T.astype(float) for band in bands])
    size = np.sqrt(np.diag(total))
    safe = np.where(size > 0, size, 1)
    pos_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    bad = find_bad_channels(stats, types, pos_m, total / safe[:, None] / safe[None])
    found = {info["ch_names"][i]: reason for i, reason in bad.items()}
    found |= {name: "marked bad" for name in marked if name in info["ch_names"]}
    require_channels(found, len(types), blocks.path)
    blocks.good = np.array([i for i, name in enumerate(info["ch_names"]) if name not in found])
    names = [info["ch_names"][i] for i in blocks.good]
    leadfield = leadfield_of(names)
    covariance = quiet_covariance([band[blocks.good] for band in bands], leadfield, blocks.sfreq)
    return make_detector(whitener(covariance), leadfield, blocks.sfreq, leadfield @ _larger())


def _larger() -> np.ndarray:
    """Patches of a region with its neighbours, and with theirs: (994, 2 * 994)."""
    template = load_template()
    near = region_adjacency(template.vertex_region, template.faces) | np.eye(N_REGIONS, dtype=bool)
    return np.hstack([near, near.astype(float) @ near > 0]).astype(float)
