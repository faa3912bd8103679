"""Medians with nonparametric intervals. Needs numpy.

Interval of a median: order statistics (Hahn and Meeker, Statistical Intervals, section 5.2). With k values
cut on each side its coverage is 1 - 2 P(B < k+1), B binomial(n, 1/2). Below six values not even the full
range covers 95 %; then the range is given with the coverage that it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
