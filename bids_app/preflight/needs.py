"""What a run will take, predicted from the dimensions of its data.

The constants are the peaks that stages of virtual patients reported in their status files (compact
network, CPU): head models of 1.6 and 12.6 million voxels, recordings of 2 and 6 minutes with 276
and 308 channels at 1,000 Hz. `MARGIN` covers how far other patients may lie from these.
"""

from dataclasses import dataclass

MB = 2**20
LIBRARIES_MB = 1050
ANY_STAGE_MB = 1700
# These take a third less than any other.
LIGHT_STAGES = {"compare", "report"}
HEADMODEL_BYTES_PER_VOXEL = 15
COPIES_OF_RECORDING = 2.05
COPIES_WHEN_RESAMPLED = 1.0
MARGIN = 1.25
BYTES_PER_SAMPLE = 8
# Of one participant: 64 MB of derivatives, and two checkpoints while the second is written.
DISK_MB = 250


@dataclass(frozen=True)
class Recording:
    """Dimensions of one run."""

    n_channels: int
    n_times: int
    sfreq_hz: float

    @property
    def duration_s(self) -> float:
        return self.n_times / self.sfreq_hz


def memory_mb(
    n_voxels: int,
    recordings: list[Recording],
    kept_sfreq_hz: float,
    reading_bytes: int = 0,
) -> int:
    """Peak memory of one participant; one recording at a time is in memory.

    Parameters
    ----------
    n_voxels : int
        Of the T1w.
    recordings : list of Recording
    kept_sfreq_hz : float
        Sampling rate that the spikes stage goes on with.
    reading_bytes : int
        The most that reading one of the participant's images takes, by their voxels' types.
    """
    reading = LIBRARIES_MB + reading_bytes / MB
    headmodel = ANY_STAGE_MB + HEADMODEL_BYTES_PER_VOXEL * n_voxels / MB
    spikes = [LIBRARIES_MB + _recording_mb(one, kept_sfreq_hz) for one in recordings]
    return round(MARGIN * max(headmodel, reading, *spikes))


def _recording_mb(recording: Recording, kept_sfreq_hz: float) -> float:
    # Every so many samples are left out first; what is not yet the wanted rate is resampled.
    step = max(1, int(recording.sfreq_hz // kept_sfreq_hz))
    resampled = recording.sfreq_hz / step != kept_sfreq_hz
    copies = COPIES_OF_RECORDING + (COPIES_WHEN_RESAMPLED if resampled else 0)
    kept = recording.n_channels * recording.n_times / step
    return copies * kept * BYTES_PER_SAMPLE / MB
