"""From a study's runs to the rows of its table, and what is wrong with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..common import USAGE, Failure
from ..statistics import Estimate, bootstrap, estimate, ratio_of_medians
from . import usl
from .factors import Factors, factors
from .model import Point, Study, uneven
from .store import Run, Store


@dataclass(frozen=True)
class Origin:
    """What one run says of its program and its place."""

    commit: str
    cpu_model: str
    warnings: tuple[str, ...]  # on the pinning of its workers

    @staticmethod
    def of(result: Mapping[str, Any]) -> Origin:
        cpu_model = str(result.get("machine", {}).get("cpu_model"))
        return Origin(str(result.get("git_commit")), cpu_model, tuple(map(str, result.get("warnings", []))))


@dataclass(frozen=True)
class Row:
    """A point that has at least one good run."""

    point: Point
    label: str
    series: str
    runs: tuple[Run, ...]  # the good ones
    origins: tuple[Origin, ...]  # of each
    time_s: Estimate  # of an iteration
    result: Mapping[str, Any]  # of the run with the middle time
    base: str  # label of the base case
    speedup: float
    low: float  # of its 95 % interval
    high: float
    factors: Factors | None

    @property
    def values(self) -> list[float]:
        return [run.time_s for run in self.runs]

    @property
    def efficiency(self) -> float:
        return self.speedup / self.point.workers

    @property
    def oversubscribed(self) -> bool:
        return any(run.oversubscribed for run in self.runs)

    @property
    def middle(self) -> Run:
        return middle(self.runs)

    @property
    def nodes(self) -> int:
        """That its ranks were on."""
        affinity = self.result.get("machine", {}).get("affinity", [])
        return max(1, len({str(rank.get("host")) for rank in affinity}))


@dataclass(frozen=True)
class Summary:
    study: Study
    rows: tuple[Row, ...]
    failures: tuple[tuple[str, str], ...]  # points whose last run failed, and why
    missing: tuple[str, ...]  # points that were not run
    deviating: tuple[str, ...]  # sentences on checksums
    unverified: tuple[str, ...]  # points with a run that failed its own verification

    @property
    def good(self) -> bool:
        return not (self.failures or self.deviating or self.unverified)

    @property
    def bases(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.label == row.base)

    @property
    def scaling(self) -> bool:
        return self.study.scaling

    @cached_property
    def fits(self) -> list[usl.Fit]:
        """The universal scalability law of each series that has enough points."""
        return usl.fits(self)

    @property
    def series(self) -> list[str]:
        """The names of all series, in the order of the table."""
        return list(dict.fromkeys(row.series for row in self.rows))

    @property
    def fastest(self) -> Row:
        """The row with the most work per time, among those with a core for each worker if there are any."""
        rows = [row for row in self.rows if not row.oversubscribed] or self.rows
        return min(rows, key=lambda row: row.time_s.median / row.point.work)


def middle(runs: Iterable[Run]) -> Run:
    ordered = sorted(runs, key=lambda run: run.time_s)
    return ordered[(len(ordered) - 1) // 2]


def summarise(store: Store) -> Summary:
    """Refuses a weak study whose work per worker is not constant."""
    study = store.study
    odd = uneven(study)
    if odd:
        raise Failure(
            f"not drawn as weak scaling, the work per worker is not constant: {'; '.join(odd)}", USAGE
        )
    labels = study.labels()
    runs = {point: store.of(number) for number, point in enumerate(study.points)}
    measured = [point for point in study.points if runs[point]]
    if not measured:
        reasons = [run.message for run in store.runs]
        raise Failure(f"no run has succeeded{f': {reasons[0]}' if reasons else ' yet'}")
    failures = [(labels[point], message) for point, message in store.failures()]
    failing = {label for label, _ in failures}
    return Summary(
        study=study,
        rows=tuple(rows(study, measured, runs, labels)),
        failures=tuple(failures),
        missing=tuple(
            labels[point] for point in study.points if not runs[point] and labels[point] not in failing
        ),
        deviating=tuple(deviating(study, measured, runs, labels)),
        unverified=tuple(labels[point] for point in store.unverified()),
    )


def rows(
    study: Study,
    measured: Sequence[Point],
    runs: Mapping[Point, Sequence[Run]],
    labels: Mapping[Point, str],
) -> list[Row]:
    """Sorted by series and workers. The base of a family is its fastest point on the fewest workers."""
    results = {point: json.loads(middle(runs[point]).result) for point in measured}
    bases = {}
    for point in measured:
        bases.setdefault(study.family(point), []).append(point)
    for family, points in bases.items():
        bases[family] = min(points, key=lambda p: (p.workers, estimate(times(runs[p])).median))
    found = []
    for point in measured:
        base = bases[study.family(point)]
        # The work done in a time, against that of the base case; a base on 4 workers has a speed-up of 4.
        scale = point.work / base.work * base.workers
        samples = [times(runs[base]), times(runs[point])]
        ratio = float(ratio_of_medians(*samples))
        low, high = bootstrap(samples, ratio_of_medians) if point != base else (ratio, ratio)
        found.append(
            Row(
                point=point,
                label=labels[point],
                series=study.series(point),
                runs=tuple(runs[point]),
                origins=tuple(Origin.of(json.loads(run.result)) for run in runs[point]),
                time_s=estimate(times(runs[point])),
                result=results[point],
                base=labels[base],
                speedup=scale * ratio,
                low=scale * low,
                high=scale * high,
                factors=factors(results[point], results[base], point.work / base.work),
            )
        )
    order = list(dict.fromkeys(row.series for row in found))
    return sorted(found, key=lambda row: (order.index(row.series), row.point.workers, row.point.ranks))


def times(runs: Iterable[Run]) -> list[float]:
    return [run.time_s for run in runs]


def deviating(
    study: Study,
    measured: Sequence[Point],
    runs: Mapping[Point, Sequence[Run]],
    labels: Mapping[Point, str],
) -> list[str]:
    """One sentence for each problem whose points do not all have the checksum that most of its runs have."""
    problems: dict[object, list[Point]] = {}
    for point in measured:
        problems.setdefault(study.problem(point), []).append(point)
    sentences = []
    for points in problems.values():
        usual = Counter(run.checksum for point in points for run in runs[point]).most_common(1)[0][0]
        odd = {
            labels[point]: run.checksum for point in points for run in runs[point] if run.checksum != usual
        }
        if odd:
            others = ", ".join(f"{label} has {checksum}" for label, checksum in odd.items())
            sentences.append(f"Checksums differ: {others} where the others of this problem have {usual}.")
    return sentences
