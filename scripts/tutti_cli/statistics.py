"""Medians with nonparametric intervals. Needs numpy.

Interval of a median: order statistics (Hahn and Meeker, Statistical Intervals, section 5.2). With k values
cut on each side its coverage is 1 - 2 P(B < k+1), B binomial(n, 1/2). Below six values not even the full
range covers 95 %; then the range is given with the coverage that it has.

Ratio of two samples: the Hodges-Lehmann estimate of the shift between their logarithms, with the interval
that belongs to the Mann-Whitney test (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods,
sections 4.2 and 4.3). It is exact for any number of values; fewer than four of each cannot cover 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float
    coverage: float  # of the interval, at least LEVEL where there are enough values
    n: int


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    if not ordered:
        raise ValueError("the median of no values")
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def coverage(n: int, cut: int) -> float:
    """How often [x_(cut+1), x_(n-cut)] holds the true median."""
    return 1.0 - 2.0 * sum(math.comb(n, i) for i in range(cut + 1)) / 2.0**n


def estimate(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """The median and the narrowest symmetric order-statistic interval of at least that level."""
    ordered = sorted(values)
    n = len(ordered)
    cut = 0
    while cut + 1 < (n + 1) // 2 and coverage(n, cut + 1) >= level:
        cut += 1
    return Estimate(median(ordered), ordered[cut], ordered[n - 1 - cut], max(0.0, coverage(n, cut)), n)


def bootstrap(
    samples: Sequence[Sequence[float]],
    statistic: Callable[..., np.ndarray],
    *,
    level: float = LEVEL,
    draws: int = 2000,
    seed: int = 1,
) -> tuple[float, float]:
    """Percentile interval of a statistic of several independent samples, e.g. a ratio of medians.

    The statistic gets one array for each sample, draws x size of the sample, and returns draws values.
    """
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(np.asarray(sample), (draws, len(sample))) for sample in samples]
    low, high = np.quantile(statistic(*drawn), [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def ratio_of_medians(above: ArrayLike, below: ArrayLike) -> np.ndarray:
    """Of the values along the last axis."""
    return np.median(above, axis=-1) / np.median(below, axis=-1)


@dataclass(frozen=True)
class Ratio:
    """How many times as large the values above are."""

    value: float
    low: float
    high: float
    coverage: float  # of the interval, at least LEVEL where there are enough values


EXACT = 40  # values of a sample; beyond, the Mann-Whitney statistic is as good as normal


@lru_cache(maxsize=64)
def mann_whitney(m: int, n: int) -> tuple[float, ...]:
    """P(U <= u) for u = 0 .. m n, of two samples from one distribution: Gaussian binomial coefficients."""
    counts = [1]
    for i in range(1, m + 1):  # times (1 - q^(n + i)) / (1 - q^i)
        counts += [0] * (n + i)
        for u in range(len(counts) - 1, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, len(counts)):
            counts[u] += counts[u - i]
    total, sums, below = math.comb(m + n, m), [], 0
    for count in counts[: m * n + 1]:
        below += count
        sums.append(below / total)
    return tuple(sums)


def cut_of(m: int, n: int, level: float) -> tuple[int, float]:
    """How many of the m n ordered differences lie outside on each side, and what the rest covers."""
    if max(m, n) > EXACT:
        spread = math.sqrt(m * n * (m + n + 1) / 12.0)
        quantile = NormalDist().inv_cdf(0.5 * (1.0 + level))
        return max(0, math.floor(m * n / 2.0 - 0.5 - quantile * spread)), level
    below = mann_whitney(m, n)
    cut = 0
    while cut + 1 < (m * n + 1) // 2 and 1.0 - 2.0 * below[cut + 1] >= level:
        cut += 1
    return cut, max(0.0, 1.0 - 2.0 * below[cut])


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Of positive values; independent samples."""
    differences = np.sort(np.subtract.outer(np.log(above), np.log(below)), axis=None)
    cut, covers = cut_of(len(above), len(below), LEVEL)
    found = (np.median(differences), differences[cut], differences[-1 - cut])
    return Ratio(*(float(np.exp(one)) for one in found), covers)
