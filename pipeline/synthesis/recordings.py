"""Synthetic recordings in batches, on the training device, as the network consumes them.

Everything happens in whitened sensor space, where magnetometers and gradiometers have the same
unit, so that a signal-to-noise ratio is one number for both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.projection import (
    COVARIANCE_LOADING,
    Projection,
    prepare_recording,
    project_head,
    whitener,
)
from pipeline.synthesis.library import Library
from pipeline.synthesis.patches import HALF_MAGNITUDE_MM, PatchDictionary, RegionGraph

N_TIMES = 125
SOURCE_SNR_DB = (10.0, 20.0)
SENSOR_SNR_DB = (5.0, 20.0)
# Patients' averages are fainter than the paper's recordings, and activity falls off in many ways.
PATIENTS_RANGES: dict[str, Any] = {
    "source_snr_db": (-5.0, 20.0),
    "sensor_snr_db": (0.0, 20.0),
    "half_magnitude_mm": (20.0, 80.0),
}
# Probabilities of one, two and three sources.
SOURCE_SHARES = (0.7, 0.2, 0.1)
ONE_SOURCE = (1.0,)

# Where the spike's signal is compared with the background: 48 ms on both sides of its peak.
PEAK_SAMPLES = 6
PEAK_MARGIN = 12
STRETCH = (0.6, 1.6)
SLOW_WAVE_GAIN = (0.0, 2.5)
SECOND_SPIKE_PROBABILITY = 0.3
NOISE_HIGHEST_HZ = 45
NOISE_SLOPE = (0.0, 1.5)


@dataclass(frozen=True)
class HeadTensors:
    """One head, ready for synthesis on a device.

    Attributes
    ----------
    field : Tensor, (rank, 994)
        Whitened leadfield that generates.
    projection : Projection
        By the leadfield that is known.
    background : Tensor, (rank, n_times)
        Field of the library's background activity.
    region_pos_mm : ndarray, (994, 3)
    rewhiten : Tensor, (rank, rank), or None
        From recordings that the generating noise's covariance whitens to those that the known one
        whitens; none where both are the same.
    """

    field: torch.Tensor
    projection: Projection
    background: torch.Tensor
    region_pos_mm: np.ndarray
    rewhiten: torch.Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """Recordings (n, rank, 125) as a network reads them, and the truth.

    `magnitude` (n, k, 994), `wave` (n, k, 125) and `patches` bool (n, k, 994) of up to k sources,
    of which all but the first may be silent and empty, with waves scaled to a largest value of 1;
    `centres` (n, k) the regions that they grew from; `peak` (n,) sample of the first one's peak;
    `source_snr_db`, `sensor_snr_db` (n,).
    """

    recording: torch.Tensor
    magnitude: torch.Tensor
    wave: torch.Tensor
    patches: torch.Tensor
    centres: torch.Tensor
    peak: torch.Tensor
    source_snr_db: torch.Tensor
    sensor_snr_db: torch.Tensor

    @property
    def silent(self) -> torch.Tensor:
        """Recordings without any source: bool (n,)."""
        return ~self.patches.any((1, 2))

    @property
    def patch(self) -> torch.Tensor:
        """Regions of any source: bool (n, 994)."""
        return self.patches.any(1)

    def target(self, samples: slice = slice(None)) -> torch.Tensor:
        """Activity (n, 994, 125) inside the patches, or only some `samples` of it."""
        return self.magnitude.mT @ self.wave[..., samples]


def prepare_head(
    true_leadfield: np.ndarray,
    known_leadfield: np.ndarray,
    noise_cov: np.ndarray,
    region_pos_mm: np.ndarray,
    library: Library,
    dictionary: PatchDictionary,
    device: str = "cpu",
    kind: str = "projected",
    true_noise_cov: np.ndarray | None = None,
) -> HeadTensors:
    """Whiten the true leadfield (n_channels, 994), project by the known one, and the background.

    `dictionary` and `kind` of input as in `project_head`. The known `noise_cov` generates too,
    unless there is a `true_noise_cov`.
    """
    whiten, projection = project_head(known_leadfield, noise_cov, dictionary, kind, device)
    rewhiten = None
    if true_noise_cov is not None:
        known_whiten, whiten = whiten, whitener(true_noise_cov, COVARIANCE_LOADING)
        rewhiten = torch.as_tensor(
            known_whiten @ np.linalg.pinv(whiten), dtype=torch.float32, device=device
        )
    field = torch.as_tensor(whiten @ true_leadfield, dtype=torch.float32, device=device)
    return HeadTensors(
        field=field,
        projection=projection,
        background=field @ torch.as_tensor(library.background, device=device),
        region_pos_mm=region_pos_mm,
        rewhiten=rewhiten,
    )


class Synthesizer:
    """Draws batches of recordings for any head.

    Parameters
    ----------
    library : Library
        One split.
    graph : RegionGraph
    patches, centres : ndarray
        From `patch_bank`.
    seed : int
    device : str
    source_snr_db, sensor_snr_db : tuple of float
        Between which each recording's is drawn.
    source_shares : tuple of float
        Probabilities of one source, two sources, and so on.
    silent_share : float
        Part of the recordings without any source.
    same_course_share : float
        Part of the further sources that have the first one's course.
    half_magnitude_mm : tuple of float
        Distances from the centre at which the activity of a patch has fallen to one half.
    reference_noise : bool
        Sensor noise as the reference's code draws it, for comparison: white in time, in each
        channel with half the power that its own signal and the SNR call for.
    """

    def __init__(
        self,
        library: Library,
        graph: RegionGraph,
        patches: np.ndarray,
        centres: np.ndarray,
        seed: int,
        device: str = "cpu",
        source_snr_db: tuple[float, float] = SOURCE_SNR_DB,
        sensor_snr_db: tuple[float, float] = SENSOR_SNR_DB,
        source_shares: tuple[float, ...] = SOURCE_SHARES,
        silent_share: float = 0.0,
        same_course_share: float = 0.0,
        half_magnitude_mm: tuple[float, float] = HALF_MAGNITUDE_MM,
        reference_noise: bool = False,
    ):
        self.spikes = torch.as_tensor(library.spikes, device=device)
        self.n_background = library.background.shape[1]
        self.segment_length = library.segment_length
        self.distance_mm = torch.as_tensor(graph.distance_mm, device=device)
        self.patches = torch.as_tensor(patches, device=device)
        self.centres = torch.as_tensor(centres, device=device)
        self.device = device
        self.source_snr_db = source_snr_db
        self.sensor_snr_db = sensor_snr_db
        self.source_shares = source_shares
        self.silent_share = silent_share
        self.same_course_share = same_course_share
        self.half_magnitude_mm = half_magnitude_mm
        self.reference_noise = reference_noise
        # Drawn on the CPU whatever the device, so that a seed means the same samples on both.
        self.generator = torch.Generator().manual_seed(seed)

    def _uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        drawn = torch.rand(shape, generator=self.generator)
        return (low + (high - low) * drawn).to(self.device)

    def _integers(self, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(high, shape, generator=self.generator).to(self.device)

    def magnitudes(self, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Random patches: magnitude (n, 994) with Gaussian fall-off, patch (n, 994), centre (n,)."""
        chosen = self._integers(len(self.patches), n)
        patch, centre = self.patches[chosen], self.centres[chosen]
        half_mm = self._uniform(*self.half_magnitude_mm, n)
        fall_off = torch.exp(-np.log(2) * (self.distance_mm[centre] / half_mm[:, None]) ** 2)
        return fall_off * patch, patch, centre

    def waveforms(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Spikes (n, 125) of random shape, time and sign without mean, and their peaks (n,)."""
        peak = PEAK_MARGIN + self._integers(N_TIMES - 2 * PEAK_MARGIN, n)
        wave = self._placed_spikes(peak)
        delay = self._uniform(6, 40, n) * self._signs(n)
        second = self._uniform(-0.7, 0.7, n)
        second = second * (self._uniform(0, 1, n) < SECOND_SPIKE_PROBABILITY)
        wave = wave + second[:, None] * self._placed_spikes(peak + delay)
        wave = wave * self._signs(n)[:, None]
        wave = wave - wave.mean(1, keepdim=True)
        return wave, wave.abs().argmax(1)

    def _signs(self, n: int) -> torch.Tensor:
        return 2.0 * self._integers(2, n) - 1.0

    def _placed_spikes(self, peak: torch.Tensor) -> torch.Tensor:
        """Library spikes (n, 125), stretched in time and with another slow wave, at `peak` (n,)."""
        n, length = len(peak), self.spikes.shape[1]
        clip = self.spikes[self._integers(len(self.spikes), n)]
        at_peak = int(clip[0].argmax())
        time = torch.arange(length, device=self.device)
        gain = self._uniform(*SLOW_WAVE_GAIN, n)
        after = torch.sigmoid((time - at_peak - 6) / 1.5)
        clip = clip * (1 + (gain[:, None] - 1) * after)
        stretch = self._uniform(*STRETCH, n)
        grid = torch.arange(N_TIMES, device=self.device)
        position = at_peak + (grid - peak[:, None]) / stretch[:, None]
        inside = (position >= 0) & (position < length - 1)
        position = position.clamp(0, length - 1.001)
        left = position.long()
        share = position - left
        value = clip.gather(1, left) * (1 - share) + clip.gather(1, left + 1) * share
        return value * inside

    def _background(self, head: HeadTensors, n: int) -> torch.Tensor:
        """Field of background activity (n, rank, 125): stretches of it with random sign."""
        n_segments = self.n_background // self.segment_length
        start = self._integers(n_segments, n) * self.segment_length
        start = start + self._integers(self.segment_length - N_TIMES, n)
        windows = torch.stack([head.background[:, s : s + N_TIMES] for s in start.tolist()])
        return windows * self._signs(n)[:, None, None]

    def _sensor_noise(self, n: int, rank: int) -> torch.Tensor:
        """Unit-variance noise (n, rank, 125), white over channels, with a 1/f slope up to 45 Hz."""
        frequency = torch.arange(N_TIMES // 2 + 1).float()
        slope = self._uniform(*NOISE_SLOPE, n).cpu()[:, None]
        amplitude = frequency.clamp_min(1) ** (-slope / 2)
        amplitude[:, 0] = 0
        amplitude[:, NOISE_HIGHEST_HZ + 1 :] = 0
        amplitude = amplitude / amplitude.square().sum(1, keepdim=True).sqrt()
        drawn = torch.randn((n, rank, len(frequency), 2), generator=self.generator)
        spectrum = torch.view_as_complex(drawn) * amplitude[:, None]
        return torch.fft.irfft(spectrum * (N_TIMES / 2), n=N_TIMES, dim=2).to(self.device)

    def batch(
        self, head: HeadTensors, n: int, source_shares: tuple[float, ...] | None = None
    ) -> Batch:
        """Synthesise `n` recordings of this head.

        Source SNR: mean power of the spikes' field 48 ms around the first one's peak over the
        mean power of the background's field. Sensor SNR: mean power of the noise-free recording
        over the noise power, the usual definition.

        Parameters
        ----------
        source_shares : tuple of float, optional
            Instead of the synthesizer's own.
        """
        source_shares = source_shares or self.source_shares
        chosen = torch.multinomial(
            torch.tensor(source_shares), n, replacement=True, generator=self.generator
        ).to(self.device)
        silent = torch.zeros(n, dtype=torch.bool, device=self.device)
        # Drawn only where wanted, so that what was drawn before there were silent ones is the same.
        if self.silent_share:
            silent = self._uniform(0, 1, n) < self.silent_share
        magnitudes: list[torch.Tensor] = []
        waves: list[torch.Tensor] = []
        patches, centres = [], []
        for source in range(len(source_shares)):
            magnitude, patch, centre = self.magnitudes(n)
            wave, at_peak = self.waveforms(n)
            if source == 0:
                peak = at_peak
            else:
                magnitude = magnitude * self._uniform(0.5, 1, n)[:, None]
                if self.same_course_share:
                    same = self._uniform(0, 1, n) < self.same_course_share
                    wave = torch.where(same[:, None], waves[0], wave)
            active = ((chosen >= source) & ~silent)[:, None]
            magnitudes.append(magnitude * active)
            waves.append(wave)
            patches.append(patch & active)
            centres.append(centre)
        magnitude, wave = torch.stack(magnitudes, 1), torch.stack(waves, 1)
        wave = wave / wave.abs().amax(2, keepdim=True)
        field = (magnitude @ head.field.T).mT @ wave

        time = torch.arange(N_TIMES, device=self.device)
        near_peak = ((time - peak[:, None]).abs() <= PEAK_SAMPLES).float()
        spike_power = (field.square().mean(1) * near_peak).sum(1) / near_peak.sum(1)
        background = self._background(head, n)
        background_power = background.square().mean((1, 2))
        source_snr_db = self._uniform(*self.source_snr_db, n)
        spike_power = torch.where(silent, 1.0, spike_power)
        scale = (10 ** (source_snr_db / 10) * background_power / spike_power).sqrt()
        recording = torch.addcmul(background, field, scale[:, None, None])

        sensor_snr_db = self._uniform(*self.sensor_snr_db, n)
        recording = recording + self._scaled_noise(recording, sensor_snr_db)
        if head.rewhiten is not None:
            recording = head.rewhiten @ recording
        return Batch(
            recording=prepare_recording(recording, head.projection),
            magnitude=magnitude,
            wave=wave,
            patches=torch.stack(patches, 1),
            centres=torch.stack(centres, 1),
            peak=peak,
            source_snr_db=source_snr_db,
            sensor_snr_db=sensor_snr_db,
        )

    def _scaled_noise(self, signal: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Sensor noise for noise-free recordings (n, rank, 125) at an SNR (n,) in dB."""
        ratio = 10 ** (-snr_db / 10)
        if self.reference_noise:
            power = signal.square().mean(2, keepdim=True) * ratio[:, None, None] / 2
            noise = torch.randn(signal.shape, generator=self.generator).to(self.device)
        else:
            power = (signal.square().mean((1, 2)) * ratio)[:, None, None]
            noise = self._sensor_noise(len(signal), signal.shape[1])
        return noise * power.sqrt()
