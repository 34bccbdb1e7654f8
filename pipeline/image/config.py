"""Options and input files of the image stage."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.image.dipoles import Criteria
from pipeline.methods import METHODS
from pipeline.options import LARGEST_SEED, check_options, option


@dataclass(frozen=True)
class Inputs:
    """Files from outside the derivatives.

    Attributes
    ----------
    t1w : Path
        Its grid is that of the volumes.
    """

    t1w: Path


class Options:
    """Options of the stage, which have those of all methods beside them."""

    methods: tuple[str, ...]
    peak_window_s: float
    bootstrap_resamples: int
    seed: int

    def __post_init__(self) -> None:
        check_options(self)
        for method in METHODS:
            self.of(METHODS[method].options)

    def of(self, options: type) -> Any:
        """A method's own options, of the kind that it asks for."""
        names = [field.name for field in dataclasses.fields(options)]
        return options(**{name: getattr(self, name) for name in names})


def config_class() -> type[Options]:
    """The stage's options: its own, and between them those of the methods."""
    by_default = tuple(name for name in METHODS if METHODS[name].by_default)
    own = {
        "methods": (tuple[str, ...], option(by_default, "solutions to compute", choices=METHODS)),
        "peak_window_s": (
            float,
            option(
                0.02,
                "width of the window around the peak that is averaged",
                unit="s",
                low=0.002,
                high=0.5,
            ),
        ),
    }
    resampling = {
        "bootstrap_resamples": (
            int,
            option(
                200,
                "how often the spikes are resampled for the networks' confidence intervals and "
                "stability maps; 0 for none",
                low=0,
                high=10_000,
            ),
        ),
        "seed": (int, option(0, "seed of the spikes' resampling", low=0, high=LARGEST_SEED)),
    }
    fields = [(name, *rest) for name, rest in (own | _method_options() | resampling).items()]
    made = dataclasses.make_dataclass("Config", fields, bases=(Options,), frozen=True)
    made.__module__ = __name__
    made.__doc__ = "Options; times in seconds."
    return made


def _method_options() -> dict[str, tuple[Any, Any]]:
    """Type and field of each method's options, which methods may share, and of single dipoles'."""
    owner: dict[str, type] = {}
    found = {}
    for options in dict.fromkeys([*(METHODS[name].options for name in METHODS), Criteria]):
        for field in dataclasses.fields(options):
            if field.name in owner:
                raise TypeError(f"{options} and {owner[field.name]} both define {field.name}")
            owner[field.name] = options
            kept = dataclasses.field(default=field.default, metadata=field.metadata)
            found[field.name] = (field.type, kept)
    return found


Config = config_class()
