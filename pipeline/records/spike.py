"""The averaged spike: its field, the single spikes, and the noise that it stands out of."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.proj import make_projector

from pipeline.errors import InvalidInput
from pipeline.fif import scrub_ids
from pipeline.files import atomic_path, read_npz, write_npz
from pipeline.head_position import HeadPositions
from pipeline.modality import sensor_picks
from pipeline.paths import PatientPaths

# What is taken for noise of the average lies before this; the spike is at 0.
BASELINE_END_S = -0.2


@dataclass(frozen=True, eq=False)
class Spike:
    """One patient's averaged spike; all arrays in the order of the average's channels.

    Attributes
    ----------
    average : mne.Evoked
        MEG channels, peak at t = 0.
    sensors : mne.Info
        These channels, and the references that they were compensated with.
    noise_cov : mne.Covariance
        Of a single spike.
    epochs : mne.BaseEpochs or None
        The single spikes, same channels.
    positions : HeadPositions or None
        Of the head at the single spikes; None where it lay where the leadfield has it.
    """

    average: mne.Evoked
    sensors: mne.Info
    noise_cov: mne.Covariance
    epochs: mne.BaseEpochs | None = None
    positions: HeadPositions | None = None

    @property
    def ch_names(self) -> list[str]:
        return self.average.ch_names

    @property
    def average_with_references(self) -> mne.Evoked:
        """The average in `sensors`; of the references only the places are of use: they are 0."""
        data = np.zeros((len(self.sensors["ch_names"]), len(self.average.times)))
        data[[self.sensors["ch_names"].index(name) for name in self.ch_names]] = self.average.data
        return mne.EvokedArray(
            data, self.sensors, self.average.times[0], nave=self.average.nave, verbose="error"
        )

    @property
    def noise_matrix(self) -> np.ndarray:
        """Noise covariance (n_channels, n_channels) of a single spike."""
        values = mne.pick_channels_cov(
            self.noise_cov, self.ch_names, ordered=True, verbose="error"
        ).data
        return values if values.ndim == 2 else np.diag(values)

    def whitened(self, whiten: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The average through a whitener, and those of its samples that are taken for noise alone."""
        data = whiten @ self.average.data
        return data, data[:, self.average.times < BASELINE_END_S]

    @property
    def single_spikes(self) -> np.ndarray:
        """The single spikes (n_spikes, n_channels, n_times) of a record that was read with them."""
        assert self.epochs is not None
        return self.epochs.get_data(picks=self.ch_names, verbose="error")

    def covariance(self, window_s: tuple[float, float]) -> mne.Covariance:
        """Of the single spikes in a window around their peaks."""
        start_s, end_s = window_s
        return mne.compute_covariance(
            self.epochs, tmin=start_s, tmax=end_s, method="empirical", verbose="error"
        )

    @property
    def projector(self) -> np.ndarray:
        """What the recording's projectors leave (n_channels, n_channels)."""
        return make_projector(self.average.info["projs"], self.ch_names)[0]


def read_spike(paths: PatientPaths, *, epochs: bool = True, proj: bool = True) -> Spike:
    """Read the averaged spike, with the single ones unless they are not needed.

    Raises
    ------
    InvalidInput
        The noise covariance lacks channels of the average.
    """
    average, sensors = read_average(paths, proj)
    noise_cov = mne.read_cov(paths.noise_cov, verbose="error")
    lacking = set(average.ch_names) - set(noise_cov.ch_names)
    if lacking:
        raise InvalidInput(
            f"the noise covariance lacks {len(lacking)} channels of the averaged spike",
            file=paths.noise_cov,
            hint="run the spikes stage again",
        )
    singles = mne.read_epochs(paths.epochs, proj=proj, verbose="error") if epochs else None
    return Spike(average, sensors, noise_cov, singles, read_positions(paths))


def read_average(paths: PatientPaths, proj: bool = True) -> tuple[mne.Evoked, mne.Info]:
    """The averaged spike in its MEG channels, and these with their references, for field models."""
    average = mne.read_evokeds(paths.average, condition=0, proj=proj, verbose="error")
    sensors = average.info.copy()
    picks = sensor_picks(sensors)
    return average.pick(picks, verbose="error"), sensors


def read_positions(paths: PatientPaths) -> HeadPositions | None:
    """The head's positions at the averaged spikes; None where it lay where the leadfield has it."""
    file = paths.head_positions
    return HeadPositions(**read_npz(file)) if file.exists() else None


def write_spike(
    paths: PatientPaths,
    average: mne.Evoked,
    epochs: mne.BaseEpochs,
    positions: HeadPositions | None = None,
) -> None:
    """Write the average with its references, the single spikes and the head's positions, nobody's identity."""
    _save(average, paths.average)
    _save(epochs, paths.epochs)
    if positions is not None:
        write_npz(
            paths.head_positions, dev_head_t=positions.dev_head_t, of_spike=positions.of_spike
        )


def write_noise(paths: PatientPaths, noise_cov: mne.Covariance) -> None:
    """Write the noise covariance, nobody's identity."""
    _save(noise_cov, paths.noise_cov)


def _save(instance: mne.Evoked | mne.BaseEpochs | mne.Covariance, final: Path) -> None:
    with atomic_path(final) as tmp:
        instance.save(tmp, overwrite=True)
        scrub_ids(tmp)
