"""Paired tests and summaries on plain arrays."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import fisher_exact, norm, rankdata
from scipy.stats.contingency import odds_ratio


@dataclass(frozen=True)
class Summary:
    """What a group of values is described by; NaN where there are none."""

    n: int
    mean: float
    sd: float
    median: float
    quartile_1: float
    quartile_3: float


@dataclass(frozen=True)
class PairedTest:
    """A two-sided Wilcoxon signed-rank test.

    Attributes
    ----------
    n : int
        Pairs.
    n_different : int
        Pairs whose values differ: those that the test rests on.
    n_first_lower : int
        Pairs in which the first value is the lower one.
    median_difference : float
        First minus second.
    statistic : float
        Sum of the ranks of the positive differences.
    p : float
        Exact; NaN without pairs.
    """

    n: int
    n_different: int
    n_first_lower: int
    median_difference: float
    statistic: float
    p: float


def summarise(values: np.ndarray) -> Summary:
    """Mean, sample standard deviation (from 2 values on), median and quartiles of finite values."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return Summary(0, *[float("nan")] * 5)
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    low, middle, high = np.percentile(values, [25, 50, 75])
    return Summary(len(values), float(values.mean()), sd, float(middle), float(low), float(high))


def paired_test(first: np.ndarray, second: np.ndarray) -> PairedTest:
    """Exact paired two-sided Wilcoxon signed-rank test, also with ties.

    scipy's exact distribution holds for untied differences alone; this one is that of the ranks as
    they are, given all 2^n choices of signs, and equals scipy's where nothing is tied. Pairs
    without difference are left out (Wilcoxon's own rule); pairs with a missing value, too.

    Parameters
    ----------
    first, second : ndarray, (n,)
        The same patients in the same order; NaN where not assessable.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    both = np.isfinite(first) & np.isfinite(second)
    # Rounded as the metrics files are, so that equal distances are ties and not noise.
    difference = np.round(first[both] - second[both], 9)
    n = int(both.sum())
    if n == 0:
        return PairedTest(0, 0, 0, float("nan"), float("nan"), float("nan"))
    moved = difference[difference != 0]
    # Mid-ranks are halves: doubled, they are whole numbers, whose sums can be counted.
    ranks = np.rint(2 * rankdata(np.abs(moved))).astype(int)
    counts = np.ones(1)
    for rank in ranks:
        counts = np.concatenate([counts, np.zeros(rank)]) + np.concatenate([np.zeros(rank), counts])
    share = counts / counts.sum()
    positive = int(ranks[moved > 0].sum())
    tail = min(share[: positive + 1].sum(), share[positive:].sum())
    return PairedTest(
        n,
        len(moved),
        int((difference < 0).sum()),
        float(np.median(difference)),
        positive / 2,
        float(min(1.0, 2 * tail)),
    )


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def told(self) -> str:
        """A share's interval: "95 % interval 68 to 97 %"."""
        return f"95 % interval {100 * self.low:.0f} to {100 * self.high:.0f} %"


def wilson(n_yes: int, n: int) -> Interval:
    """A share and Wilson's score interval (1927, J Am Stat Assoc 22:209), which never leaves 0 to 1."""
    if not n:
        return Interval(*[float("nan")] * 3)
    z, share = norm.ppf(0.975), n_yes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 and at n the limit is the share itself, but for rounding.
    low, high = (0.0 if n_yes == 0 else middle - half), (1.0 if n_yes == n else middle + half)
    return Interval(share, float(low), float(high))


def hodges_lehmann(first: np.ndarray, second: np.ndarray) -> Interval:
    """Shift of the first against the second, median of the pairs' Walsh averages.

    Its interval holds the shifts that an exact signed-rank test of 5 % would not refuse (Hodges &
    Lehmann 1963, Ann Math Stat 34:598); with fewer than 6 pairs there is none.

    Parameters
    ----------
    first, second : ndarray, (n,)
        The same patients in the same order; NaN where not assessable.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    difference = np.round(difference[np.isfinite(difference)], 9)
    n = len(difference)
    if not n:
        return Interval(*[float("nan")] * 3)
    row, column = np.triu_indices(n)
    walsh = np.sort((difference[row] + difference[column]) / 2)
    counts = np.ones(1)
    for rank in range(1, n + 1):
        counts = np.concatenate([counts, np.zeros(rank)]) + np.concatenate([np.zeros(rank), counts])
    n_left_out = int(np.searchsorted(np.cumsum(counts) / 2.0**n, 0.025, side="right"))
    if not n_left_out:
        return Interval(float(np.median(walsh)), float("nan"), float("nan"))
    return Interval(
        float(np.median(walsh)), float(walsh[n_left_out - 1]), float(walsh[-n_left_out])
    )


@dataclass(frozen=True)
class TwoByTwo:
    """Two properties of patients, counted.

    Attributes
    ----------
    both, first_alone, second_alone, neither : int
    odds : Interval
        Conditional maximum-likelihood odds ratio with its exact interval; NaN where a margin is 0.
    p : float
        Two-sided, Fisher's exact test.
    """

    both: int
    first_alone: int
    second_alone: int
    neither: int
    odds: Interval
    p: float


def two_by_two(first: np.ndarray, second: np.ndarray) -> TwoByTwo:
    """Count two properties (n,), bool, of the same patients."""
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    counts = np.array(
        [
            [(first & second).sum(), (first & ~second).sum()],
            [(~first & second).sum(), (~first & ~second).sum()],
        ]
    )
    odds, p = Interval(*[float("nan")] * 3), float("nan")
    if counts.sum(0).all() and counts.sum(1).all():
        found = odds_ratio(counts)
        limits = found.confidence_interval(0.95)
        odds = Interval(float(found.statistic), float(limits.low), float(limits.high))
        p = float(fisher_exact(counts).pvalue)
    return TwoByTwo(*counts.ravel().tolist(), odds, p)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p values (n,); NaN stays and does not count as a test."""
    p = np.asarray(p, float)
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    stepped = p[order] * (len(order) - np.arange(len(order)))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(stepped)) if len(order) else stepped
    return corrected
