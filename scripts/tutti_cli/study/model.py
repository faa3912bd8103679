"""What a study measures, as plain data: points, how often each is repeated, and which belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]

STRONG, WEAK, METG, NONE = KINDS = ("strong", "weak", "metg", "none")
SCHEDULE = "schedule"  # the one option of the apps that must not change a result


def text_of(value: Value) -> str:
    """A value as the app's command line takes it."""
    if isinstance(value, tuple):
        return ",".join(text_of(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Point:
    """One configuration that is measured. Two points are equal if they run the same command."""

    ranks: int
    threads: int
    options: tuple[tuple[str, Value], ...]  # all of the app's, fixed ones too, sorted by name
    work: float = field(default=1.0, compare=False)  # what is done in an iteration; only ratios count

    @property
    def workers(self) -> int:
        return self.ranks * self.threads

    @property
    def layout(self) -> str:
        return f"{self.ranks}x{self.threads}"

    @property
    def schedule(self) -> str:
        return str(dict(self.options).get(SCHEDULE, "tasks"))

    def text(self, name: str) -> str:
        """An option's value, '-' where the point does not set it."""
        options = dict(self.options)
        return text_of(options[name]) if name in options else "-"

    def without(self, names: Iterable[str]) -> tuple[tuple[str, Value], ...]:
        left_out = set(names)
        return tuple(pair for pair in self.options if pair[0] not in left_out)

    def arguments(self) -> list[str]:
        """The words that the app gets; true is a flag, false its absence."""
        words = ["--threads", str(self.threads)]
        for name, value in self.options:
            text = text_of(value)
            if value is True:
                words.append(f"--{name}")
            elif value is not False:
                words += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
        return words


@dataclass(frozen=True)
class Repeats:
    """How often each point is run."""

    initial: int = 6  # from 6 on the interval of a median covers 95 %
    max: int = 6
    half_width: float | None = None  # of the 95 % interval over the median; narrower needs no more repeats
    budget_s: float = math.inf  # wall time of all runs together; then no further run starts
    limit_s: float = 600.0  # of one run, which then counts as failed


@dataclass(frozen=True)
class Slurm:
    """How the points become jobs of a cluster."""

    site: str = ""  # a name in slurm/sites, or a path
    ranks_per_node: int = 0  # 0: as many as a node has cores for
    jobs: tuple[str, ...] = ("nodes",)  # points that differ in one of these are measured in different jobs
    array: tuple[str, ...] = ()  # points of a job that differ in one of these are tasks of a job array
    array_limit: int = 0  # tasks of an array that run at once; 0: the site's
    time_s: int = 0  # of a job, 0: the site's
    one_after_another: bool = False  # the jobs do not run side by side
    attempts: int = 3  # jobs in a row that may end without a new result of a point
    restarts: int = 3  # of one job, after its time or a node was lost


@dataclass(frozen=True)
class Study:
    kind: str
    app: str  # a name in build/<preset>/bin, or a path
    seed: int
    points: tuple[Point, ...]
    repeats: Repeats
    sizes: tuple[str, ...]  # weak: the options that grow with the workers
    fit: bool  # leave out points with more workers than cores
    text: str  # of the file
    slurm: Slurm = field(default_factory=Slurm)

    @property
    def scaling(self) -> bool:
        """Whether points are compared with a base case."""
        return self.kind in (STRONG, WEAK)

    @property
    def quantity(self) -> str:
        """What time_s of its runs is."""
        return "METG(50 %)" if self.kind == METG else "time per iteration"

    @cached_property
    def varying(self) -> list[str]:
        """The options in which points differ, schedule first."""
        names = sorted({name for point in self.points for name, _ in point.options}, key=by_schedule)
        return [name for name in names if len({point.text(name) for point in self.points}) > 1]

    def fixed(self) -> Mapping[str, str]:
        first = self.points[0]
        varying = self.varying
        return {name: text_of(value) for name, value in first.options if name not in varying}

    def labels(self) -> dict[Point, str]:
        """A short name of each point: what varies, and its layout; sizes only where that is not enough."""
        varying = self.varying
        series = [name for name in varying if name not in self.sizes]
        for names in (series, varying):
            labels = {point: " ".join([*words(point, names), point.layout]) for point in self.points}
            if len(set(labels.values())) == len(labels):
                break
        return labels

    def problem(self, point: Point) -> object:
        """Points of one problem must give the same checksum."""
        return point.without([SCHEDULE])

    def family(self, point: Point) -> object:
        """Points that are compared with one base case."""
        return point.without([SCHEDULE, *self.sizes])

    def series(self, point: Point) -> str:
        """Points on one line of a plot; empty where there is only one."""
        return " ".join(words(point, [name for name in self.varying if name not in self.sizes]))


def by_schedule(name: str) -> tuple[bool, str]:
    return name != SCHEDULE, name


def words(point: Point, names: Sequence[str]) -> list[str]:
    return [point.text(name) if name == SCHEDULE else f"{name}={point.text(name)}" for name in names]


def uneven(study: Study) -> list[str]:
    """Of a weak study, the points whose work per worker is not that of the smallest in their family."""
    if study.kind != WEAK:
        return []
    labels = study.labels()
    families: dict[object, list[Point]] = {}
    for point in study.points:
        families.setdefault(study.family(point), []).append(point)
    odd = []
    for points in families.values():
        base = min(points, key=lambda point: point.workers)
        share = base.work / base.workers
        for point in points:
            here = point.work / point.workers
            if not math.isclose(here, share, rel_tol=1e-6):
                odd.append(f"{labels[point]} has {here:.6g} per worker where {labels[base]} has {share:.6g}")
    return odd
