"""The universal scalability law, fitted to each series of a study. Needs numpy.

    X(N) = g N / (1 + sigma (N - 1) + kappa N (N - 1))

X is the work per time on N workers, g that of one; sigma stands for what runs one after another (with
kappa = 0 this is Amdahl's law), kappa for what workers spend on each other. The rate peaks at
N = sqrt((1 - sigma) / kappa). Source: N. J. Gunther, Guerrilla Capacity Planning, Springer, 2007, chapter 6.

N / X is linear in 1/g, sigma/g and kappa/g: the fit is linear least squares of relative errors with sigma and
kappa not below 0. Its intervals are percentiles of a bootstrap over the repeats of each point; that the law
itself may not fit is not in them, so the largest relative error is given as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..statistics import LEVEL

if TYPE_CHECKING:
    from .summary import Row, Summary  # which has the fits of a study

FEWEST = 4  # numbers of workers; three always fit
DRAWS = 2000
Interval = tuple[float, float]


@dataclass(frozen=True)
class Fit:
    """Of one series. Intervals are None where a point has but one repeat."""

    series: str
    rows: tuple[Row, ...]  # the fastest layout for each number of workers
    rate: float  # g, work per second
    sigma: float
    kappa: float
    error: float  # the largest relative one
    draws: np.ndarray | None  # of the bootstrap: (DRAWS, 3) of 1/g, sigma/g, kappa/g

    @property
    def peak(self) -> float:
        """The workers with the highest rate; infinite where it never falls."""
        return float(peaks(np.array([[1.0, self.sigma, self.kappa]]))[0])

    def intervals(self) -> dict[str, Interval] | None:
        """Of sigma, kappa and peak, at LEVEL."""
        if self.draws is None:
            return None
        c = self.draws
        values = {"sigma": c[:, 1] / c[:, 0], "kappa": c[:, 2] / c[:, 0], "peak": peaks(c)}
        return {name: percentiles(found) for name, found in values.items()}

    def curve(self, workers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The fitted rate at these numbers of workers, and its interval."""
        fitted = np.array([[1.0, self.sigma, self.kappa]]) / self.rate
        here = rates(fitted, workers)[0]
        if self.draws is None:
            return here, here, here
        low, high = percentiles(rates(self.draws, workers))
        return here, low, high


def terms(workers: np.ndarray) -> np.ndarray:
    """(points, 3): what 1/g, sigma/g and kappa/g are multiplied by to give N / X."""
    return np.stack([np.ones_like(workers), workers - 1.0, workers * (workers - 1.0)], axis=-1)


def rates(coefficients: np.ndarray, workers: np.ndarray) -> np.ndarray:
    return workers / (coefficients @ terms(workers).T)


def peaks(coefficients: np.ndarray) -> np.ndarray:
    """Not below one worker."""
    sigma, kappa = coefficients[:, 1] / coefficients[:, 0], coefficients[:, 2] / coefficients[:, 0]
    with np.errstate(divide="ignore"):
        square = np.where(kappa > 0.0, np.maximum(0.0, 1.0 - sigma) / np.maximum(kappa, 1e-300), math.inf)
    return np.maximum(1.0, np.sqrt(square))


def percentiles(values: np.ndarray) -> tuple:
    """Along the first axis. Some may be infinite, so none is interpolated."""
    low, high = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0
    return tuple(np.quantile(values, [low, high], axis=0, method="inverted_cdf"))


def least_squares(workers: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of times (N / X at each point): the coefficients, and the largest relative error."""
    relative = terms(workers)[None, :, :] / times[:, :, None]
    best = np.zeros((len(times), 3))
    least = np.full(len(times), math.inf)
    # The solution is the least squares one of the coefficients that are not 0: try each choice of these.
    for free in ([0, 1, 2], [0, 1], [0, 2], [0]):
        part = relative[:, :, free]
        scale = np.abs(part).max(axis=1, keepdims=True)
        found = np.zeros_like(best)
        found[:, free] = np.linalg.pinv(part / scale).sum(axis=-1) / scale[:, 0, :]
        square = ((np.einsum("dpc,dc->dp", relative, found) - 1.0) ** 2).sum(axis=-1)
        better = (found[:, 0] > 0.0) & (found >= 0.0).all(axis=-1) & (square < least)
        best[better], least[better] = found[better], square[better]
    errors = np.abs(1.0 / np.einsum("dpc,dc->dp", relative, best) - 1.0).max(axis=-1)
    return best, errors


def fit(series: str, rows: Sequence[Row]) -> Fit:
    """Of points with different numbers of workers."""
    workers = np.array([row.point.workers for row in rows], dtype=float)
    scale = workers / np.array([row.point.work for row in rows])
    medians = np.array([row.time_s.median for row in rows])
    (found,), (error,) = least_squares(workers, (scale * medians)[None, :])
    draws = None
    if min(len(row.values) for row in rows) > 1:
        generator = np.random.default_rng(1)
        drawn = [np.median(generator.choice(row.values, (DRAWS, len(row.values))), axis=-1) for row in rows]
        draws, _ = least_squares(workers, scale * np.stack(drawn, axis=-1))
    return Fit(series, tuple(rows), 1.0 / found[0], found[1] / found[0], found[2] / found[0], error, draws)


def fits(summary: Summary) -> list[Fit]:
    """Of every series that was measured on enough numbers of workers, with a core for each worker."""
    if not summary.scaling:
        return []
    groups: dict[str, dict[int, Row]] = {}
    for row in sorted(summary.rows, key=lambda row: -row.time_s.median):
        if not row.oversubscribed:
            groups.setdefault(row.series, {})[row.point.workers] = row
    found = []
    for series in summary.series:
        rows = [row for _, row in sorted(groups.get(series, {}).items())]
        if len(rows) >= FEWEST:
            found.append(fit(series, rows))
    return found


def number(value: float) -> str:
    return "none" if math.isinf(value) else f"{value:.0f}" if value >= 100.0 else f"{value:.3g}"


def table(found: Sequence[Fit]) -> list[list[str]]:
    """Headings first; empty where nothing was fitted."""
    if not found:
        return []
    rows = [["series", "points", "sigma", "95 % interval", "kappa", "95 % interval", "peak at workers"]]
    rows[0] += ["95 % interval", "largest error"]
    for one in found:
        intervals = one.intervals()
        cells = [one.series or "all", str(len(one.rows))]
        for name in ("sigma", "kappa", "peak"):
            cells.append(number(getattr(one, name)))
            cells.append(" to ".join(map(number, intervals[name])) if intervals else "-")
        rows.append([*cells, f"{100.0 * one.error:.1f} %"])
    return rows


def notes(found: Sequence[Fit]) -> list[str]:
    """What the table is, and which peaks were not measured."""
    if not found:
        return []
    sentences = [
        "Universal scalability law, X(N) = g N / (1 + sigma (N - 1) + kappa N (N - 1)), fitted to the fastest"
        " layout for each number of workers that have a core each; intervals are percentiles of"
        f" {DRAWS} bootstrap draws over the repeats."
    ]
    beyond = [
        f"{one.series or 'the peak'} beyond {most}"
        for one in found
        if (most := one.rows[-1].point.workers) < one.peak
    ]
    if beyond:
        sentences.append(
            f"Peaks that lie outside of what was measured are extrapolated: {', '.join(beyond)}."
        )
    return sentences
