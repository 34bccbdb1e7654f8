"""Recursive MUSIC: sources are sought one after the other in the subspace of the signal.

mne has both variants; its projected subspace is not made orthonormal again, so that its
correlations are none, and its truncation keeps one dimension too many. Here they follow the papers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.methods._model import Problem
from pipeline.methods._whitened import whitened
from pipeline.options import option

# What is left of a topography or of the subspace below this part is rounding.
_NOTHING = 1e-6


@dataclass(frozen=True)
class Options:
    """How many sources."""

    music_sources: int = option(
        3,
        "most sources that RAP-MUSIC and TRAP-MUSIC take, and dimensions of the signal",
        low=1,
        high=20,
    )
    music_correlation: float = option(
        0.0,
        "correlation with the signal's subspace below which RAP-MUSIC and TRAP-MUSIC take no further "
        "source; the first one is always taken",
        low=0,
        below=1,
    )


def pursue(
    data: np.ndarray,
    gain: np.ndarray,
    n_sources: int,
    truncated: bool = False,
    least_correlation: float = 0.0,
) -> tuple[list[int], list[float]]:
    """Regions in the order in which they are found, and each one's correlation with the subspace.

    RAP-MUSIC (Mosher & Leahy 1999, eqs. 12-16): what was found is projected out of topographies and
    of the signal's subspace, which is made orthonormal again; the next source is the topography
    that lies nearest to it. TRAP-MUSIC (Mäkelä et al. 2018, sec. 2.4): of the subspace, one dimension
    less is kept after each source, since what is left of a projected dimension is an error.

    With fewer samples than sources the subspace has as many dimensions as samples, and the search
    is a matching pursuit.

    Parameters
    ----------
    data : ndarray, (rank, n_times)
        Whitened.
    gain : ndarray, (rank, n_regions)
    n_sources : int
        Dimensions of the signal, and most sources.
    truncated : bool
        TRAP-MUSIC.
    least_correlation : float
    """
    left, size, _ = np.linalg.svd(data, full_matrices=False)
    n_signal = min(n_sources, int(np.sum(size > 1e-10 * size[0]))) if size[0] > 0 else 0
    signal = left[:, :n_signal]
    norm = np.linalg.norm(gain, axis=0)
    sources: list[int] = []
    correlations: list[float] = []
    while n_signal and len(sources) < n_sources:
        basis = np.linalg.qr(gain[:, sources])[0]
        rest = gain - basis @ (basis.T @ gain)
        subspace, kept, _ = np.linalg.svd(signal - basis @ (basis.T @ signal), full_matrices=False)
        subspace = subspace[:, kept > _NOTHING]
        if truncated:
            subspace = subspace[:, : max(1, n_signal - len(sources))]
        rest_norm = np.linalg.norm(rest, axis=0)
        # A region that was found, and whatever has its topography, has nothing left.
        seen = rest_norm > _NOTHING * norm
        correlation = np.zeros(gain.shape[1])
        correlation[seen] = np.linalg.norm(subspace.T @ rest[:, seen], axis=0) / rest_norm[seen]
        best = int(correlation.argmax())
        if not correlation[best] or (sources and correlation[best] < least_correlation):
            break
        sources.append(best)
        correlations.append(float(correlation[best]))
    return sources, correlations


def music(truncated: bool) -> Callable[[Problem, Options], tuple[np.ndarray, np.ndarray]]:
    """Amplitudes of the sources found, by least squares; all other regions are silent."""

    def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
        seen = whitened(problem)
        sources, _ = pursue(
            seen.data, seen.gain, options.music_sources, truncated, options.music_correlation
        )
        solution = np.zeros((seen.gain.shape[1], seen.data.shape[1]))
        solution[sources] = np.linalg.lstsq(seen.gain[:, sources], seen.data)[0]
        return solution, problem.spike.average.times

    return activity
