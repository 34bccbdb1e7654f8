"""From sensors to the networks' input: the patient's own projection to the 994 regions.

A network that reads sensors breaks with every bad channel and every new helmet. Here the
patient's leadfield and noise take the recording to source space first, by the
noise-normalised minimum norm (sLORETA, Pascual-Marqui 2002), so that one network serves all.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pipeline.errors import InvalidInput
from pipeline.modality import plausible_leadfields
from pipeline.sampling import NETWORK_SFREQ_HZ
from pipeline.synthesis.patches import PatchDictionary
from pipeline.template import N_REGIONS
from pipeline.whitening import whitener

SNR = 3.0
# Of the mean eigenvalue, added to all before the networks' inputs are whitened, in training as in
# imaging: what they read is therefore weaker than white noise in the directions of least noise.
COVARIANCE_LOADING = 0.05
PATCHES_AT_ONCE = 8192
# Power of what sources may do over the noise's, in what channels tell of each other: so high that no
# source is taken for a bad channel.
TOLERATED_POWER = 1000.0
# Of a channel's deviation from what the others tell, over the median channel's. On validation heads
# the largest of good channels was 2.8.
BAD_DEVIATION = 4.0
MOST_BAD_CHANNELS = 6


def check_leadfield(leadfield: np.ndarray, file=None) -> None:
    """Raise `InvalidInput` unless this is a finite (n_channels, 994) leadfield of plausible size."""
    hint = "run the headmodel stage again and look at its quality page"
    if leadfield.ndim != 2 or leadfield.shape[1] != N_REGIONS or len(leadfield) < 2:
        raise InvalidInput(
            f"the leadfield has the shape {leadfield.shape}, not (channels, {N_REGIONS})",
            file=file,
            hint=hint,
        )
    if not np.isfinite(leadfield).all():
        raise InvalidInput(
            f"the leadfield holds {np.sum(~np.isfinite(leadfield))} values that are not finite",
            file=file,
            hint=hint,
        )
    n_zero = int(np.sum(~leadfield.any(0)))
    if n_zero:
        raise InvalidInput(f"{n_zero} regions have no field at all", file=file, hint=hint)
    size = float(np.median(np.abs(leadfield).max(0)))
    if not any(low < size < high for low, high in plausible_leadfields()):
        raise InvalidInput(
            f"the leadfield's regions have a median maximum of {size:.1g} in SI units "
            "per A m, which no sensors measure",
            file=file,
            hint="give the leadfield in T/(A m) and T/m/(A m), of electrodes in V/(A m)",
        )


def whitened_spatial_filter(whitened_leadfield: np.ndarray) -> np.ndarray:
    """sLORETA kernel (994, rank) for whitened data: Pascual-Marqui 2002, at an SNR of 3."""
    n = len(whitened_leadfield)
    gain = whitened_leadfield * np.sqrt(n) / np.linalg.norm(whitened_leadfield)
    inverse = np.linalg.inv(gain @ gain.T + np.eye(n) / SNR**2)
    kernel = gain.T @ inverse
    resolution = np.einsum("ij,ji->i", kernel, gain)
    return kernel / np.sqrt(resolution)[:, None]


@dataclass(frozen=True)
class Bridge:
    """What the channels of a whitened recording tell of each other.

    Attributes
    ----------
    channels : Tensor, (rank, n_channels)
        What each channel alone contributes, of unit norm.
    precision : Tensor, (rank, rank)
        Inverse of the covariance of sources anywhere and noise.
    """

    channels: torch.Tensor
    precision: torch.Tensor

    def deviations(self, recording: torch.Tensor) -> torch.Tensor:
        """How far each channel is from what the others tell, over the median channel: (..., n_channels).

        Parameters
        ----------
        recording : Tensor, (..., rank, n_times)
        """
        seen = self.channels.T @ self.precision
        expected = (seen * self.channels.T).sum(1).sqrt()
        size = (seen @ recording).square().mean(-1).sqrt() / expected
        return size / size.median(-1, keepdim=True).values.clamp_min(1e-30)

    def without(self, recording: torch.Tensor, bad: list[int]) -> torch.Tensor:
        """One recording (rank, n_times) with what the others tell in place of the `bad` channels."""
        channels = self.channels[:, bad]
        told = channels.T @ self.precision
        return recording - channels @ torch.linalg.solve(told @ channels, told @ recording)

    def bad_channels(self, recording: torch.Tensor) -> list[int]:
        """Channels of one recording (rank, n_times) that no source and no noise explains, worst first."""
        bad: list[int] = []
        left = recording
        while len(bad) < MOST_BAD_CHANNELS:
            deviation = self.deviations(left)
            if deviation.amax() < BAD_DEVIATION:
                break
            bad.append(int(deviation.argmax()))
            left = self.without(recording, bad)
        return bad

    def repaired(self, recordings: torch.Tensor) -> torch.Tensor:
        """Recordings (..., rank, n_times) without what bad channels add."""
        flat = recordings.reshape(-1, *recordings.shape[-2:])
        suspect = self.deviations(flat).amax(1) >= BAD_DEVIATION
        if not suspect.any():
            return recordings
        flat = flat.clone()
        for i in torch.nonzero(suspect).flatten().tolist():
            flat[i] = self.without(flat[i], self.bad_channels(flat[i]))
        return flat.reshape(recordings.shape)


def channel_bridge(whiten: np.ndarray, whitened_leadfield: np.ndarray, device: str) -> Bridge:
    """The `Bridge` of channels that `whiten` (rank, n_channels) takes to whitened space."""
    n = len(whitened_leadfield)
    size = np.linalg.norm(whiten, axis=0)
    gain = whitened_leadfield * np.sqrt(n) / np.linalg.norm(whitened_leadfield)
    precision = np.linalg.inv(TOLERATED_POWER * gain @ gain.T + np.eye(n))
    return Bridge(
        torch.as_tensor(whiten / size, dtype=torch.float32, device=device),
        torch.as_tensor(precision, dtype=torch.float32, device=device),
    )


@dataclass(frozen=True)
class Projection:
    """What is known of a head, as a network uses it; whitened sensor space has `rank` rows.

    Attributes
    ----------
    kernel : Tensor, (n_inputs, rank)
        From a whitened recording to the network's inputs.
    leadfield : Tensor, (rank, 994)
        Whitened, of unit mean square per region.
    patches : Tensor float16, (n_patches, 994), or None
        A dictionary of sources; none where a network reads raw channels.
    topographies : Tensor, (rank, n_patches), or None
        Their whitened fields, of unit norm.
    neighbours : Tensor, (994, 994), or None
        1 where two regions share an edge, else 0.
    bridge : Bridge, or None
        For channels that are bad and not known to be; none where a network reads raw channels.
    """

    kernel: torch.Tensor
    leadfield: torch.Tensor
    patches: torch.Tensor | None = None
    topographies: torch.Tensor | None = None
    neighbours: torch.Tensor | None = None
    bridge: Bridge | None = None


def project_head(
    leadfield: np.ndarray,
    noise_cov: np.ndarray,
    dictionary: PatchDictionary,
    kind: str = "projected",
    device: str = "cpu",
) -> tuple[np.ndarray, Projection]:
    """How recordings of a head are whitened and what a network then reads of them.

    Parameters
    ----------
    leadfield : ndarray, (n_channels, 994)
        With the recording's projectors applied.
    noise_cov : ndarray, (n_channels, n_channels)
    dictionary : PatchDictionary
    kind : str
        "projected" for the sLORETA-normalised 994 regions, or "raw" for the paper's channels,
        each over its own noise so that sensor types count alike; a network of raw channels
        serves one set of channels only.
    device : str

    Returns
    -------
    whiten : ndarray, (rank, n_channels)
        With `COVARIANCE_LOADING`.
    projection : Projection

    Raises
    ------
    InvalidInput
        Implausible leadfield or noise covariance.
    """
    check_leadfield(leadfield)
    whiten = whitener(noise_cov, COVARIANCE_LOADING)
    whitened = whiten @ leadfield
    raw = kind == "raw"
    if raw:
        kernel = np.linalg.pinv(whiten) / np.sqrt(np.diag(noise_cov))[:, None]
    else:
        kernel = whitened_spatial_filter(whitened)
    whitened = whitened * np.sqrt(whitened.shape[1]) / np.linalg.norm(whitened)
    field = torch.as_tensor(whitened, dtype=torch.float32, device=device)
    patches = dictionary.patches.to(device)
    return whiten, Projection(
        kernel=torch.as_tensor(kernel, dtype=torch.float32, device=device),
        leadfield=field,
        patches=None if raw else patches,
        topographies=None if raw else _topographies(field, patches),
        neighbours=None if raw else dictionary.neighbours.to(device),
        bridge=None if raw else channel_bridge(whiten, whitened, device),
    )


def _topographies(leadfield: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """Fields (rank, n_patches) of unit norm; in parts, for the patches are many."""
    parts = [leadfield @ part.T.to(leadfield) for part in patches.split(PATCHES_AT_ONCE)]
    return nn.functional.normalize(torch.cat(parts, 1), dim=0)


def prepare_recording(
    recording, projection: Projection, sfreq_hz: float = NETWORK_SFREQ_HZ
) -> torch.Tensor:
    """What a network reads: every nth sample, bad channels bridged, centred, scaled.

    Scaled by the power of its projection. The same for training, personalizing and imaging.

    Parameters
    ----------
    recording : ndarray or Tensor, (..., rank, n_times)
        Whitened, and band-limited to 40 Hz, which is why samples can be dropped without a
        further filter.
    projection : Projection
    sfreq_hz : float
        A multiple of 125 Hz.

    Returns
    -------
    recording : Tensor float32, (..., rank, n_times / (sfreq / 125))
        Without time mean; its projection has a mean square of one.
    """
    step = round(sfreq_hz / NETWORK_SFREQ_HZ)
    if step < 1 or abs(step * NETWORK_SFREQ_HZ - sfreq_hz) > 1e-3:
        raise InvalidInput(
            f"a sampling rate of {sfreq_hz:g} Hz is no multiple of {NETWORK_SFREQ_HZ:g} Hz",
            hint="resample the averaged spike to 500 Hz",
        )
    recording = torch.as_tensor(recording)[..., ::step]
    recording = (recording - recording.mean(-1, keepdim=True)).float()
    if projection.bridge is not None:
        recording = projection.bridge.repaired(recording)
    # The projection's power by way of the small matrix of products of the kernel's columns.
    gram = projection.kernel.T @ projection.kernel / len(projection.kernel)
    power = ((gram @ recording) * recording).sum(-2, keepdim=True).mean(-1, keepdim=True)
    return recording / power.sqrt().clamp_min(1e-30)
