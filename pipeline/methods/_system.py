"""Published systems on a patient: trained for the head, they image its averages."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.ndimage import uniform_filter1d

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput, MissingResource
from pipeline.methods._method import Method
from pipeline.methods._model import Problem
from pipeline.modality import modality_of
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.deep import DeepSources, read_deep
from pipeline.records.head import MeasuredHead, read_measured_head
from pipeline.records.solution import Distributed, distributed
from pipeline.records.spike import BASELINE_END_S, Spike, read_spike
from pipeline.records.spikes_qc import imaged_types
from pipeline.systems import SIZES, SYSTEMS
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency
from pipeline.template.deep import DEEP_NAMES
from pipeline.whitening import whitener

if TYPE_CHECKING:
    from pipeline.systems._system import DeepField, Field, System

# Of an average that hardly stands out of its noise.
_LEAST_SNR_DB = -10.0
_ANSWERS = {
    "points": "answers with points, not with an extent: the regions nearest to them, the others being silent",
    "map": "reads and answers with the sample of the spike's peak alone",
    "activity": "answers with a course of every region",
}


@dataclass(frozen=True, kw_only=True)
class SystemMethod(Method):
    """A system of `pipeline.systems` of the method's own name.

    Attributes
    ----------
    system : str
    unit : str
    """

    is_trained: ClassVar[bool] = True

    system: str
    unit: str = "relative"

    def lack(self, paths: PatientPaths) -> str | None:
        trained = trained_size(paths, self.system) is not None
        return None if trained else str(self._untrained(paths))

    def _untrained(self, paths: PatientPaths) -> MissingResource:
        return MissingResource(
            f"{self.label} was not trained for this head",
            hint=f"train it with `spikefocus train {self.system} --head OUTPUT_DIR/{paths.sub}`",
        )

    def training_minutes(self, n_channels: int) -> float:
        from pipeline.training.systems import minutes_of_training  # torch takes seconds

        return minutes_of_training(self.system, "cpu", n_channels)

    def card(self, problem: Problem) -> str | None:
        """How it was trained and what it answers with, for the report."""
        field, _, card = self._loaded(problem)
        smoke = ", a test of the machinery and no result" if card["size"] == "smoke" else ""
        part = "" if card["steps"] == card["steps_planned"] else " (training was ended early)"
        best, first = card["validation"]["validation_loss"], card["untrained"]["validation_loss"]
        moved = "" if problem.spike.positions is None else ", which knows one position of the head"
        return (
            f"{card['label']}, size {card['size']}{smoke}: {card['examples']:,} simulated examples in "
            f"{card['steps']:,} of {card['steps_planned']:,} steps{part} for this head{moved}; loss on "
            f"examples held out {best:.3g}, untrained {first:.3g}; it {_ANSWERS[card['answers']]}"
            f"{self._deep_told(problem, field)}"
        )

    def _deep_told(self, problem: Problem, field: "Field") -> str:
        """What a system that can see deep structures says of them."""
        if not SYSTEMS[self.system].sees_deep:
            return ""
        if field.deep is None:
            return "; this head model gives it no sources in deep structures"
        name, ratio = deep_part(self._answer(problem)[0], field)
        return f"; of deep structures the largest is {ratio:.2g} times cortex’s ({name})"

    def doubt(self, problem: Problem) -> Doubt | None:
        """Of a training that was a test of the machinery, or that was ended early."""
        field, _, card = self._loaded(problem)
        if card["size"] == "smoke":
            return Doubt(
                f"{self.label} was trained in the size smoke, which tests the machinery: its map is no result",
                grave=True,
            )
        if card["steps"] < card["steps_planned"]:
            return Doubt(
                f"{self.label}’s training was ended after {card['steps']:,} of {card['steps_planned']:,} "
                "steps: its map is not that of a trained system"
            )
        if SYSTEMS[self.system].sees_deep and field.deep is not None:
            name, ratio = deep_part(self._answer(problem)[0], field)
            if ratio > 1:
                return Doubt(
                    f"{self.label}’s largest source is in the {name}, {ratio:.2g} times the largest of cortex, "
                    "which alone its map shows",
                    grave=True,
                )
        return None

    def solve(self, problem: Problem, options: Any) -> Distributed:
        answer, recording, times_s = self._answer(problem)
        field, _, _ = self._loaded(problem)
        activity = as_activity(answer, SYSTEMS[self.system], field, recording)
        return distributed(activity, times_s, problem.window_s, self.unit)

    def _answer(self, problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The system's answer, what it read (n_channels, n_times), and when (n_times,), s."""
        import torch

        field, module, _ = self._loaded(problem)
        system = SYSTEMS[self.system]
        recording, times_s = sampled(
            symmetric_whitener(problem.spike) @ problem.spike.average.data,
            problem.spike.average.times,
            system,
        )
        data = torch.as_tensor(recording, dtype=torch.float32)[None]
        with torch.inference_mode():
            answer = system.answer(module(system.encode(field, data)), field)[0].numpy()
        return answer, recording, times_s

    def _loaded(self, problem: Problem) -> tuple["Field", Any, dict[str, Any]]:
        """The head's field, the network and its card, once for all types."""
        if self.label not in problem.networks:
            from pipeline.training.systems import read_trained

            assert problem.paths is not None  # weights are the patient's
            size = trained_size(problem.paths, self.system)
            if size is None:
                raise self._untrained(problem.paths)
            field = patient_field(problem.paths, SYSTEMS[self.system])
            folder = problem.paths.system(self.system, size).parent
            problem.networks[self.label] = field, *read_trained(self.system, field, size, folder)
        return problem.networks[self.label]


def trained_size(paths: PatientPaths, name: str) -> str | None:
    """The largest size in which a system was trained for this head, which is the one that images."""
    return next((size for size in reversed(SIZES) if paths.system(name, size).exists()), None)


def train_for(
    paths: PatientPaths,
    name: str,
    size: str,
    seed: int,
    minutes: float | None,
    progress: Progress,
) -> dict[str, Any]:
    """Train a system for a participant's head and noise, or go on with it; return its model card.

    Raises
    ------
    InvalidInput
        The participant has no head model or no average that is imaged.
    """
    from pipeline.training.systems import train_system

    system = SYSTEMS[name]
    if not paths.leadfield.exists() or not paths.qc("spikes").exists() or not imaged_types(paths):
        raise InvalidInput(
            f"{paths.sub} has no leadfield or no averaged spikes to train {system.label} for",
            file=paths.folder,
            hint="run spikefocus with --stage headmodel spikes first",
        )
    field = patient_field(paths, system)
    if system.learns_from_recording:
        system = system.for_recordings(*patient_recordings(paths, system))
    folder = paths.system(name, size).parent
    return train_system(name, field, size, seed, folder, progress, minutes, system)[1]


def patient_field(paths: PatientPaths, system: "System") -> "Field":
    """Leadfield of the head behind the recording's projectors and a whitener that leaves channels their places.

    Its hash is that of what it is computed from, and of the averages where the system learns from them.
    """
    import torch

    from pipeline.systems._system import Field

    spikes = [read_spike(own, epochs=False) for own in imaged_types(paths)]
    spike = spikes[0]
    modality = modality_of(spike.average.info)
    if system.reads_map and modality.together:
        raise InvalidInput(
            f"{system.label} reads one map of the sensors, and {modality.label} make two",
            hint="image one of both with --modality, or leave the method out",
        )
    head: MeasuredHead = read_measured_head(paths, spike.ch_names)
    whiten = symmetric_whitener(spike) @ spike.projector
    gain = whiten @ head.leadfield
    gain = gain / np.linalg.norm(gain, axis=0).mean()
    known = [head.leadfield, head.region_pos_mri_mm, spike.noise_matrix, spike.projector]
    if system.learns_from_recording:
        known += [each.average.data for each in spikes]
    points = _deep_points(paths, spike.ch_names) if system.sees_deep else None
    if points is not None:
        known += [points.leadfield, points.pos_mri_mm, points.structure]
    digest = hashlib.sha256()
    for values in known:
        digest.update(np.ascontiguousarray(values).tobytes())
    places_mm = 1000 * np.array([channel["loc"][:3] for channel in spike.average.info["chs"]])
    adjacency = region_adjacency(head.vertex_region, load_template().faces)
    return Field(
        gain=torch.as_tensor(gain, dtype=torch.float32),
        pos_mm=torch.as_tensor(head.region_pos_mri_mm, dtype=torch.float32),
        neighbours=torch.as_tensor(adjacency),
        area_mm2=torch.as_tensor(head.region_area_mm2, dtype=torch.float32),
        sensor_pos_mm=torch.as_tensor(places_mm, dtype=torch.float32),
        origin=digest.hexdigest(),
        deep=None if points is None else _deep_field(points, whiten),
    )


def _deep_field(points: DeepSources, whiten: np.ndarray) -> "DeepField":
    import torch

    from pipeline.systems._system import DeepField

    return DeepField.of(
        torch.as_tensor(np.einsum("ij,jnd->ind", whiten, points.leadfield)).float(),
        torch.as_tensor(points.pos_mri_mm, dtype=torch.float32),
        torch.as_tensor(points.structure),
    )


def _deep_points(paths: PatientPaths, ch_names: list[str]) -> DeepSources | None:
    """The head model's points in deep structures; None where it has none, which the model card then tells."""
    try:
        return read_deep(paths, ch_names)
    except InvalidInput:
        return None


def patient_recordings(paths: PatientPaths, system: "System") -> tuple[Any, Any]:
    """The averages of all types as a system reads them (n, n_channels, n_times), and their SNRs in dB."""
    import torch

    recordings, snr_db = [], []
    for own in imaged_types(paths):
        spike = read_spike(own, epochs=False)
        white = symmetric_whitener(spike) @ spike.average.data
        recording, _ = sampled(white, spike.average.times, system)
        baseline = white[:, spike.average.times < BASELINE_END_S]
        noise = float(np.mean((baseline if baseline.size else np.ones(1)) ** 2))
        over = max(10 ** (_LEAST_SNR_DB / 10), float(np.mean(recording**2)) / noise - 1)
        recordings.append(recording)
        snr_db.append(10 * np.log10(over))
    return (
        torch.as_tensor(np.array(recordings), dtype=torch.float32),
        torch.as_tensor(snr_db, dtype=torch.float32),
    )


def symmetric_whitener(spike: Spike) -> np.ndarray:
    """The whitener (n_channels, n_channels) of the average's noise whose channels stay nearest to their own."""
    whiten = whitener(spike.noise_matrix / spike.average.nave)
    return to_own_channels(whiten, spike.noise_matrix) @ whiten


def to_own_channels(whiten: np.ndarray, noise_cov: np.ndarray) -> np.ndarray:
    """From whitened directions to whitened channels (n_channels, rank), each nearest to the channel of its place.

    Systems read a map of the sensors, or know their noise as white: a whitener of any other
    rotation mixes places.

    Parameters
    ----------
    whiten : ndarray, (rank, n_channels)
        Of `pipeline.whitening.whitener`.
    noise_cov : ndarray, (n_channels, n_channels)
        Up to a factor.
    """
    axes = whiten * np.sqrt(np.diag(noise_cov))
    return (axes / np.linalg.norm(axes, axis=1, keepdims=True)).T


def sampled(
    data: np.ndarray, times_s: np.ndarray, system: "System"
) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n_channels, n_times) of a recording around 0 as a system reads them, and their times.

    Where it reads fewer a second, each is the mean of those that it stands for.
    """
    wanted_s = (np.arange(system.n_times) - system.n_times // 2) / system.sfreq_hz
    if wanted_s[0] < times_s[0] - 1e-6 or wanted_s[-1] > times_s[-1] + 1e-6:
        raise InvalidInput(
            f"{system.label} reads {wanted_s[0]:g} to {wanted_s[-1]:g} s around the peak, and the "
            f"average has {times_s[0]:g} to {times_s[-1]:g} s",
            hint="widen the spikes' window and run the spikes stage again",
        )
    step_s = times_s[1] - times_s[0]
    width = max(1, round(1 / (system.sfreq_hz * step_s))) if system.n_times > 1 else 1
    smooth = uniform_filter1d(data, width, axis=1, mode="nearest")
    return np.array([np.interp(wanted_s, times_s, row) for row in smooth]), wanted_s


def as_activity(
    answer: np.ndarray, system: "System", field: "Field", recording: np.ndarray
) -> np.ndarray:
    """Activity (n_regions, n_times) of a system's answer to a recording (n_channels, n_times)."""
    if system.answers == "points":
        return at_points(answer, field.pos_mm.numpy(), field.gain.numpy(), recording)
    if system.answers == "map":
        return answer[: len(field.pos_mm), None]
    return answer


def deep_part(answer: np.ndarray, field: "Field") -> tuple[str, float]:
    """The deep structure of a map's (n_sources + n_deep,) largest deep entry, and its size over cortex's largest."""
    assert field.deep is not None
    n_cortex = len(field.pos_mm)
    deep = answer[n_cortex:]
    largest = int(deep.argmax())
    cortex = max(float(answer[:n_cortex].max()), 1e-12)
    return DEEP_NAMES[int(field.deep.structure[largest])], max(0.0, float(deep[largest])) / cortex


def at_points(
    points_mm: np.ndarray, pos_mm: np.ndarray, gain: np.ndarray, data: np.ndarray
) -> np.ndarray:
    """Activity (n_regions, n_times) of the regions nearest to points (k, 3), by least squares."""
    away_mm = np.linalg.norm(points_mm[:, None] - pos_mm, axis=2)
    found = np.unique(away_mm.argmin(1))
    activity = np.zeros((len(pos_mm), data.shape[1]))
    activity[found] = np.linalg.lstsq(gain[:, found], data)[0]
    return activity
