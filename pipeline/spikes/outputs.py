"""The stage's files: the same bytes for the same input, and nothing of the patient's identity."""

from collections import Counter

import mne
import numpy as np
import pandas as pd
from mne.io.constants import FIFF

from pipeline.files import write_json, write_text
from pipeline.modality import reference_picks
from pipeline.paths import PatientPaths
from pipeline.records.spike import write_noise, write_spike
from pipeline.records.spikes_qc import SpikesQC, write_spikes_qc
from pipeline.spikes.selection import Selection
from pipeline.tables import described, to_tsv

IDENTIFYING = (
    "subject_info experimenter description proj_id proj_name device_info helium_info "
    "file_id meas_id utc_offset xplotter_layout gantry_angle"
).split()
HEAD_SHAPE = (FIFF.FIFFV_POINT_EXTRA, FIFF.FIFFV_POINT_EEG)
IDENTIFYING_LISTS = ("hpi_results", "hpi_meas", "events")

SPIKE_COLUMNS = {
    "onset": ("Annotated time from the start of the run", "s"),
    "duration": ("Always 0: a spike is a moment", "s"),
    "file": ("Recording that the spike is in", None),
    "label": ("What the events call it", None),
    "type": (
        "Type of spike by field and course, from 1, which has most marks; n/a where the mark could "
        "not be looked at",
        None,
    ),
    "accepted": ("Whether the spike is part of the average", None),
    "peak": ("Time of the spike's peak, to which it was aligned", "s"),
    "correlation": (
        "Correlation over space and time with the average of the others, in the average's leading "
        "components, by which the spike was judged",
        None,
    ),
    "channel_correlation": ("The same over all channels, whitened, noise included", None),
    "amplitude_ratio": ("Amplitude relative to that average", None),
    "reason": ("Why the spike was rejected", None),
}


def bare_info(info: mne.Info) -> mne.Info:
    """Sensors, landmarks, head position and projectors alone: no names, dates or devices' numbers.

    Nor the digitised points, which draw a face: the headmodel stage writes those that do not.
    """
    bare = info.copy()
    bare.set_meas_date(None)
    bare = mne.io.anonymize_info(bare)
    with bare._unlock():
        for field in IDENTIFYING:
            if field in bare:
                bare[field] = None
        for field in IDENTIFYING_LISTS:
            if field in bare:
                bare[field] = []
        bare["dig"] = [point for point in bare["dig"] or () if point["kind"] not in HEAD_SHAPE]
        bare["bads"] = []
        bare["projs"] = [p for p in bare["projs"] if _is_meg(p, bare)]
    return bare


def spike_table(runs, selections, types) -> pd.DataFrame:
    """One row per annotated spike, in the order of runs and times.

    Parameters
    ----------
    runs : list of Run
    selections : list of Selection
        Of each type, over the usable marks.
    types : ndarray of int, (n_usable,)
        From 1.
    """
    rows, judged = [], 0
    for run in runs:
        for time, label, early in zip(run.spike_s, run.label, run.early_reason, strict=True):
            row = {
                "onset": round(float(time), 4),
                "duration": 0,
                "file": run.path.name,
                "label": label,
            }
            if early:
                row |= {"accepted": "false", "reason": early}
            else:
                selection = selections[types[judged] - 1]
                reason = selection.reasons[judged]
                row |= {
                    "type": int(types[judged]),
                    "accepted": "false" if reason else "true",
                    "reason": reason or np.nan,
                }
                if not np.isnan(selection.correlation[judged]):
                    peak = time + selection.shift[judged] / run.info["sfreq"]
                    row |= {
                        "peak": round(float(peak), 4),
                        "correlation": round(float(selection.correlation[judged]), 4),
                        "channel_correlation": round(
                            float(selection.channel_correlation[judged]), 4
                        ),
                        "amplitude_ratio": round(float(selection.amplitude_ratio[judged]), 4),
                    }
                judged += 1
            rows.append(row)
    return pd.DataFrame(rows, columns=list(SPIKE_COLUMNS)).astype({"type": "Int64"})


def rejection_counts(table: pd.DataFrame) -> dict[str, int]:
    """Rejected spikes by reason, without the reasons' numbers."""
    reasons = table.loc[table["accepted"] == "false", "reason"]
    return dict(sorted(Counter(reason.split(" (")[0] for reason in reasons).items()))


def average_with_references(
    epochs: mne.BaseEpochs, sensors: mne.Info, references: np.ndarray
) -> mne.Evoked:
    """Average of the spikes, with the references that its channels were compensated with.

    Without them the field of a source in compensated channels could not be computed.

    Parameters
    ----------
    epochs : mne.BaseEpochs
        MEG channels.
    sensors : mne.Info
        These channels among others, and the references.
    references : ndarray, (n_references, n_times)
        Averaged like the epochs; none where nothing was compensated.
    """
    average = epochs.average()
    average.comment = "spikes"
    if not len(references):
        return average
    picks = reference_picks(sensors)
    names = [*average.ch_names, *(sensors["ch_names"][pick] for pick in picks)]
    info = bare_info(
        mne.pick_info(sensors, mne.pick_channels(sensors["ch_names"], names, ordered=True))
    )
    with info._unlock():
        info["projs"] = average.info["projs"]
    return mne.EvokedArray(
        np.vstack([average.data, references]),
        info,
        average.tmin,
        "spikes",
        average.nave,
        verbose="error",
    )


def write_type(paths: PatientPaths, average, epochs, qc: SpikesQC, positions) -> None:
    """Write the average, the epochs, the head's positions and the quality file of one type."""
    write_spike(paths, average, epochs, positions)
    write_spikes_qc(paths, qc)


def write_common(paths: PatientPaths, covariance, table, qc: SpikesQC) -> None:
    """Write what all types share, and a quality file that holds nothing of any."""
    write_noise(paths, covariance)
    write_text(paths.spike_events, to_tsv(table))
    write_json(paths.spike_events.with_suffix(".json"), described(SPIKE_COLUMNS))
    write_spikes_qc(paths, qc)


def _is_meg(projector: mne.Projection, info: mne.Info) -> bool:
    return any(name in info.ch_names for name in projector["data"]["col_names"])


def event_array(mark: np.ndarray, selection: Selection) -> np.ndarray:
    """mne's events: sample of each accepted peak."""
    samples = (mark + selection.shift)[selection.accepted]
    return np.column_stack([samples, np.zeros_like(samples), np.ones_like(samples)])
