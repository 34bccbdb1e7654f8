"""Which projectors are applied: those against artefacts that spare the spikes of every type."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import mne
import numpy as np

from pipeline.records.spikes_qc import ArtefactQC, ProjectorQC
from pipeline.spikes.artefacts import artefact_projectors, keep_sparing, removed_together
from pipeline.spikes.config import Config
from pipeline.spikes.runs import Run

ARTEFACT_WORDS = {"heart": "heart beats", "eyes": "eye movements"}


@dataclass(frozen=True, eq=False)
class Removed:
    """What the projectors take of the spikes of one type.

    Attributes
    ----------
    projectors : tuple of ProjectorQC
    together : dict of str to float
        Part of the power that all of them take, by sensor type.
    """

    projectors: tuple[ProjectorQC, ...] = ()
    together: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Cleaning:
    """The projectors to apply.

    Attributes
    ----------
    kept : list of mne.Projection
    artefacts : dict of str to ArtefactQC
    removed : dict of int to Removed
        By type of spikes.
    """

    kept: list[mne.Projection]
    artefacts: dict[str, ArtefactQC]
    removed: dict[int, Removed]


def choose_projectors(
    runs: list[Run],
    recorded: list[mne.Projection],
    topographies: dict[int, np.ndarray],
    info: mne.Info,
    good: np.ndarray,
    config: Config,
    warn: Callable[[str], None],
) -> Cleaning:
    """Choose among the recording's own projectors and those of heart beats and eye movements.

    Parameters
    ----------
    runs : list of Run
    recorded : list of mne.Projection
        That came with the recording.
    topographies : dict of int to ndarray, (n_channels,)
        Unprojected peak of each type of spikes.
    info : mne.Info
    good : ndarray of int
        Indices of `info`'s channels among the runs'.
    config : Config
    warn : callable
        Is told what was not removed, and what was dropped.
    """
    kept, artefacts = list(recorded), dict[str, ArtefactQC]()
    for kind, words in ARTEFACT_WORDS.items():
        found, artefacts[kind] = artefact_projectors(
            kind, [run.artefacts[kind] for run in runs], info, good
        )
        kept += found
        if artefacts[kind].note.startswith("not done"):
            warn(f"Fields of {words} were not removed ({artefacts[kind].note}).")
    judged: dict[int, list[tuple[mne.Projection, ProjectorQC]]] = {}
    for number, topography in topographies.items():
        left, told = keep_sparing(kept, topography, info, config.max_projector_overlap)
        judged[number] = list(zip(kept, told, strict=True))
        kept = left
        for each in told:
            if not each.kept:
                warn(
                    f"Projector {each.name} was dropped: with those kept it would remove "
                    f"{each.spike_power_removed_with_kept:.0%} of the spike's power."
                )
    names = {projector["desc"] for projector in kept}
    for kind, artefact in artefacts.items():
        if artefact.done and not any(f"{kind}-" in name for name in names):
            note = f"all projectors dropped ({artefact.note})"
            artefacts[kind] = replace(artefact, done=False, note=note)
    removed = {
        number: Removed(
            tuple(
                replace(told, kept=any(projector is each for each in kept))
                for projector, told in judged[number]
            ),
            removed_together(kept, topography, info),
        )
        for number, topography in topographies.items()
    }
    return Cleaning(kept, artefacts, removed)
