"""How much of a recording the stage must be left with: the same limits for a run and for its preflight."""

from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.readers import called
from pipeline.spikes.config import Config
from pipeline.spikes.recording import MIN_DURATION_S

MANY_BAD_CHANNELS, TOO_MANY_BAD_CHANNELS = 0.15, 0.5


def require_data(seconds: float, path: Path) -> None:
    """Refuse a run of which so little is neither lost nor marked as bad."""
    if seconds < MIN_DURATION_S:
        raise InvalidInput(
            f"only {seconds:g} s of the recording hold data that are not marked as bad",
            file=path,
            hint="check the marks of bad stretches, or give a recording without such losses",
        )


def require_channels(bad: dict[str, str], n_channels: int, path: Path) -> str | None:
    """Refuse a recording most of whose channels are bad; a warning where many are."""
    part = len(bad) / n_channels
    if part > TOO_MANY_BAD_CHANNELS:
        n_marked = sum(reason.startswith("marked") for reason in bad.values())
        raise InvalidInput(
            f"{len(bad)} of {n_channels} {called(path)} channels are bad ({n_marked} are marked so, the rest "
            "was found)",
            file=path,
            hint="check the recording and its channels.tsv, or apply interference suppression before",
        )
    many = part > MANY_BAD_CHANNELS
    return f"{len(bad)} of {n_channels} {called(path)} channels are bad." if many else None


def little_baseline(seconds: float) -> str:
    """How an error or a warning about too little spike-free data begins."""
    return f"only {seconds:g} s of the recording are free of spikes and artefacts"


def no_baseline(seconds: float, config: Config) -> InvalidInput:
    """What is raised where no empty room can take its place."""
    return InvalidInput(
        little_baseline(seconds),
        hint=f"give at least {config.min_baseline_s:g} s of such data, or an empty-room recording",
    )


def unfit_empty_room(seconds: float, error: InvalidInput) -> InvalidInput:
    """What is raised where the empty room cannot take its place."""
    return InvalidInput(
        f"{little_baseline(seconds)}, and the empty room cannot take their place: {error.message}",
        file=error.file,
        hint=error.hint,
    )
