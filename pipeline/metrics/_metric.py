"""What each metric says of itself, and how it is asked for its value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pipeline.metrics._case import Case

YES_OR_NO = "0 or 1"
"""Unit of what is true or not."""


@dataclass(frozen=True)
class Published:
    """Mean, standard deviation (None where none is given) and number of patients."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class InGroup:
    """What the group's report does with a metric.

    Attributes
    ----------
    order : int
        Its place among the cohort's summaries.
    label : str
        Its name there, where no heading says what is compared with; its own where empty.
    tested : bool
        Whether the personalized network is tested with it against every other method.
    column : int or None
        Its place in the table of all patients; None where it has none.
    heading : str
        Its name in that table, which has less room; its own where empty.
    published : mapping of str to Published
        By method.
    published_parts : mapping of str to Published
        Of the personalized network, by subgroup.
    """

    order: int
    label: str = ""
    tested: bool = False
    column: int | None = None
    heading: str = ""
    published: Mapping[str, Published] = field(default_factory=dict)
    published_parts: Mapping[str, Published] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Described:
    """What every metric says of itself.

    Attributes
    ----------
    label : str
        Its name for people.
    order : int
        Its place in tables.
    unit : str
        As the table writes it: "mm", "cm2", "cm3", "percent", "fraction" or `YES_OR_NO`.
    digits : int or None
        Decimals shown; None for three significant digits.
    definition : str
    higher_is_better : bool or None
        None where neither end is the better one.
    in_group : InGroup or None
        None where the cohort's summaries leave it out.
    """

    label: str
    order: int
    unit: str
    digits: int | None
    definition: str
    higher_is_better: bool | None
    in_group: InGroup | None = None


@dataclass(frozen=True, kw_only=True)
class Metric(_Described):
    """A metric of one method in one patient.

    Attributes
    ----------
    reference : str
        What the estimate is compared with: "soz", "resection", or "model" for neither.
    needs : str
        "maximum" for every method, "extent" for those that give a map, "point" for those that give
        one place, "other" for all but the fine-tuned network, from which they are measured.
    value : callable
        From a `Case` to the value; it raises `NotAssessable` where the data do not allow it.
    undefined : str
        Why there is no value where `value` gives NaN.
    resampled : bool
        Whether averages of resampled spikes give the value an interval.
    parts : tuple of str
        Metrics that the definition refers to.
    """

    reference: Literal["soz", "resection", "model"]
    needs: Literal["maximum", "extent", "point", "other"]
    value: Callable[[Case], float]
    undefined: str = ""
    resampled: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Derived(_Described):
    """A metric that the group computes from others, which the patients' tables hold.

    Attributes
    ----------
    parts : tuple of str
        The others.
    combined : callable
        From arrays of theirs, NaN where not assessable, to its own.
    """

    parts: tuple[str, ...]
    combined: Callable[..., np.ndarray]
