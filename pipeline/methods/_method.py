"""What each method says of itself, and how it is asked for a solution: networks, maps, points."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.doubts import Doubt
from pipeline.methods._model import Problem
from pipeline.paths import PatientPaths
from pipeline.records.solution import Distributed, Point, Solution, distributed

if TYPE_CHECKING:
    from pipeline.methods._network import Network


@dataclass(frozen=True)
class NoOptions:
    """Of methods that leave nothing to choose."""


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """One way from the averaged spike to its sources.

    Attributes
    ----------
    label : str
        Its name for people.
    short : str
        The same where there is little room.
    order : int
        Its place in tables and figures.
    marker, colour : str
        Matplotlib's, of its maximum in figures.
    sentence : str
        What the report's methods page lists: "an LCMV beamformer {cite}"; ``{cite}`` becomes the
        numbers of its references.
    references : mapping
        Citations by a key of their own.
    options : type
        Dataclass whose fields are made by `pipeline.options.option`. Methods may share it; they are
        the image stage's options.
    by_default : bool
        Whether a run that names no methods computes it.
    fine_tuned : bool
        Whether it is the network that is personalized to the head.
    is_trained : bool
        Whether it learned from simulated examples: only methods that did not may confirm the network.
    """

    is_trained: ClassVar[bool] = False

    label: str
    short: str
    order: int
    marker: str
    colour: str
    sentence: str
    references: Mapping[str, str] = field(default_factory=dict)
    options: type = NoOptions
    by_default: bool = False
    fine_tuned: bool = False

    @abstractmethod
    def solve(self, problem: Problem, options: Any) -> Solution:
        """The method's solution for the averaged spike, with `options` of its own kind."""

    def lack(self, paths: PatientPaths) -> str | None:
        """What the patient's files lack for it and the remedy, in one sentence; None where nothing."""
        return None

    def training_minutes(self, n_channels: int) -> float | None:
        """How long it takes here to mend that; None for a method that needs no training of its own."""
        return None

    def card(self, problem: Problem) -> str | None:
        """How it was trained for this head and what it answers with; None where nothing was."""
        return None

    def doubt(self, problem: Problem) -> Doubt | None:
        """Why its map is none to rely on, whatever the recording; None where nothing speaks against it."""
        return None


@dataclass(frozen=True, kw_only=True)
class MapMethod(Method):
    """A method that gives every region an activity.

    Attributes
    ----------
    unit : str
        Of the activity.
    activity : callable
        From a `Problem` and options to activity (n_regions, n_times) and the samples' times in
        seconds, the spike's peak at 0.
    """

    unit: str
    activity: Callable[[Problem, Any], tuple[np.ndarray, np.ndarray]]

    def solve(self, problem: Problem, options: Any) -> Distributed:
        activity, times_s = self.activity(problem, options)
        return distributed(activity, times_s, problem.window_s, self.unit)


@dataclass(frozen=True, kw_only=True)
class NetworkMethod(Method):
    """A trained network; its failure is an error, because the report is about its result.

    Attributes
    ----------
    unit : str
    load : callable
        From `PatientPaths` to the network's module and model card.
    """

    is_trained: ClassVar[bool] = True

    unit: str = "relative"
    load: Callable[[PatientPaths], tuple[Any, dict[str, Any]]]

    def network(self, problem: Problem) -> "Network":
        """The network made ready for the patient, once; the same object for the same weights."""
        from pipeline.methods._network import Network, prepare  # torch takes seconds

        if self.label not in problem.networks:
            assert problem.paths is not None
            others = problem.networks.values()
            ready = [other for other in others if isinstance(other, Network)]
            problem.networks[self.label] = prepare(self.load(problem.paths), problem, ready)
        return problem.networks[self.label]

    def solve(self, problem: Problem, options: Any) -> Distributed:
        network = self.network(problem)
        activity = network.solve(problem.spike.average.data)
        return distributed(activity, network.times_s, problem.window_s, self.unit)


@dataclass(frozen=True, kw_only=True)
class PointMethod(Method):
    """A method that gives one place.

    Attributes
    ----------
    fit : callable
        From a `Problem` and options to a `Point`.
    heading : str
        Over its paragraph in the report.
    """

    fit: Callable[[Problem, Any], Point]
    heading: str

    def solve(self, problem: Problem, options: Any) -> Point:
        return self.fit(problem, options)
