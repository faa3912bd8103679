"""Reads a study file; whatever is wrong with it is one line that names the file and the key.

    kind = "weak"                     # strong | weak | metg | none
    app = "heat"                      # a name in build/<preset>/bin, or a path with a slash
    work = "grid"                     # weak: the option (or list of options) whose product is the work
    seed = 1                          # of the order of the runs
    fit = true                        # leave out points with more workers than this machine has cores
    points = [                        # values that go together
      { ranks = 1, grid = [64, 64, 64] },
      { ranks = 2, grid = [128, 64, 64] },
    ]

    [arguments]                       # of the app, the same at every point: --steps 100
    steps = 100

    [axes]                            # every value with every other, and with each of the points
    threads = [1, 2]
    schedule = ["tasks", "bulk"]

    [repeats]                         # see model.Repeats
    initial = 6
    max = 20
    half_width = 0.02
    budget_s = 600
    limit_s = 60

    [slurm]                           # for `study submit`, see model.Slurm; `study run` does not look at it
    site = "cpu-cluster"              # slurm/sites/cpu-cluster.toml, or the path of a file
    ranks_per_node = 8

ranks and threads are 1 where they are not said; every other name is an option of the app. A list as a value
is passed with commas. A point may say its work itself: { ranks = 2, work = 2e6 }.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from ..common import USAGE, Failure
from . import slurm_table
from .model import KINDS, METG, SCHEDULE, WEAK, Point, Repeats, Study, Value
from .toml_values import Refused, Table, known, loads, positive, refuse, shown, table, text_of_file, whole

TOP = ("kind", "app", "work", "seed", "fit", "points", "arguments", "axes", "repeats", "slurm")
REPEATS = ("initial", "max", "half_width", "budget_s", "limit_s")
LAYOUT = ("ranks", "threads")
OURS = ("json", "quiet")  # options that the study itself gives to the app
NAME = re.compile(r"[a-z][a-z0-9-]*")


def read(file: Path) -> Study:
    return parse(text_of_file(file), str(file))


def parse(text: str, name: str) -> Study:
    """The study in a file's text; name is what messages call the file."""
    top = loads(text, name)
    try:
        return study(top, text)
    except Refused as refused:
        raise Failure(f"{name}: {refused}", USAGE) from refused


def study(top: Table, text: str) -> Study:
    known(top, TOP, "")
    kind = top.get("kind")
    if kind not in KINDS:
        refuse("kind", f"takes one of {', '.join(KINDS)}, not {shown(kind)}")
    app = top.get("app")
    if not isinstance(app, str) or not app:
        refuse("app", f"takes the name or path of an app, not {shown(app)}")
    fit = top.get("fit", False)
    if not isinstance(fit, bool):
        refuse("fit", f"takes true or false, not {shown(fit)}")
    work = work_options(top, kind)
    fixed = options(table(top, "arguments"), "[arguments]")
    rows = explicit(top, fixed)
    said = ["work" in row for row in rows]
    if kind == WEAK and not work and not all(said):
        refuse("work", 'is not said: work = "grid", or { ranks = 1, work = 1000 } at each of the points')
    if kind != WEAK and any(said):
        refuse("work", 'needs kind = "weak"')
    if kind == METG and not swept(fixed, rows, table(top, "axes")):
        refuse("kind", '"metg" needs sweep = true in [arguments], or at each of the points')
    points = crossed(rows, axes(table(top, "axes"), fixed, rows), fixed, work)
    # Options that come with the points of a weak study grow with them, unless the work is named.
    grown = work or sorted({name for row in rows for name in row} - {"work", SCHEDULE, *LAYOUT})
    result = Study(
        kind=kind,
        app=app,
        seed=whole(top, "seed", 1, least=0),
        points=points,
        repeats=repeats(table(top, "repeats")),
        sizes=tuple(grown) if kind == WEAK else (),
        fit=fit,
        text=text,
        slurm=slurm_table.parse(table(top, "slurm"), points),
    )
    if len(set(points)) != len(points):
        twice = next(point for point in points if points.count(point) > 1)
        refuse("points", f"{twice.layout} {' '.join(twice.arguments()[2:])} is there twice")
    return result


def swept(fixed: Mapping[str, Value], rows: list[dict[str, Value]], axes: Table) -> bool:
    """Whether every point is a METG sweep."""
    name = "sweep"
    return fixed.get(name) is True or axes.get(name) == [True] or all(row.get(name) is True for row in rows)


def repeats(table: Table) -> Repeats:
    where = "[repeats] "
    known(table, REPEATS, "[repeats]")
    initial = whole(table, "initial", Repeats.initial, least=1, where=where)
    most = whole(table, "max", initial, least=1, where=where)
    if most < initial:
        refuse(f"{where}max", f"is {most}, less than initial, {initial}")
    if most > initial and "half_width" not in table:
        refuse(f"{where}max", "needs half_width, which says when fewer are enough")
    if most == initial and "half_width" in table:
        refuse(f"{where}half_width", "needs a max above initial")
    limits = {
        name: positive(table[name], where + name)
        for name in ("half_width", "budget_s", "limit_s")
        if name in table
    }
    return Repeats(initial=initial, max=most, **limits)


def work_options(top: Table, kind: str) -> tuple[str, ...]:
    if "work" not in top:
        return ()
    if kind != WEAK:
        refuse("work", 'needs kind = "weak"')
    names = top["work"] if isinstance(top["work"], list) else [top["work"]]
    if not names or not all(isinstance(name, str) for name in names):
        refuse("work", f"takes the name of an option, or a list of names, not {shown(top['work'])}")
    return tuple(names)


def options(table: Table, where: str) -> dict[str, Value]:
    """Fixed arguments."""
    for name in table:
        if name in LAYOUT:
            refuse(f"{where} {name}", f"belongs in [axes]: {name} = [{shown(table[name])}]")
    return {option(name, where): value_of(value, f"{where} {name}") for name, value in table.items()}


def option(name: str, where: str) -> str:
    if name in OURS:
        refuse(f"{where} {name}", "is set by the study itself")
    if not NAME.fullmatch(name):
        refuse(f"{where} {name}", "is no name of an option (a-z, 0-9 and '-', without leading dashes)")
    return name


def value_of(value: object, where: str) -> Value:
    values = value if isinstance(value, list) else [value]
    if not values or not all(is_scalar(one) for one in values):
        refuse(where, "takes a number, a text, true or false, or a list of these")
    return tuple(values) if isinstance(value, list) else values[0]


def is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return "\0" not in value if isinstance(value, str) else isinstance(value, bool | int)


def setting(name: str, value: object, where: str) -> Value:
    """A value of a point: ranks, threads or an option."""
    if name in LAYOUT:
        return whole({name: value}, name, 1, least=1, where=f"{where} ")
    return value_of(value, f"{where} {option(name, where)}")


def explicit(top: Table, fixed: Collection[str]) -> list[dict[str, Value]]:
    """The rows of `points`; one empty row where there are none, to be crossed with the axes."""
    rows = top.get("points", [{}])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        refuse("points", "takes a list of tables: [{ ranks = 1, grid = [64, 64, 64] }, ...]")
    result = []
    for number, row in enumerate(rows, 1):
        where = f"points, number {number}:"
        both = sorted(set(row) & set(fixed))
        if both:
            refuse(f"{where} {both[0]}", "stands in [arguments] too")
        result.append(
            {
                name: positive(value, f"{where} {name}") if name == "work" else setting(name, value, where)
                for name, value in row.items()
            }
        )
    return result


def axes(table: Table, fixed: Collection[str], rows: list[dict[str, Value]]) -> dict[str, list[Value]]:
    result = {}
    for name, values in table.items():
        where = f"[axes] {name}"
        if not isinstance(values, list) or not values:
            refuse(where, f"takes a list of values, not {shown(values)}")
        if name in fixed or any(name in row for row in rows):
            refuse(where, f"stands in {'[arguments]' if name in fixed else 'points'} too")
        result[name] = [setting(name, value, "[axes]") for value in values]
    return result


def crossed(
    rows: list[dict[str, Value]],
    axes: Mapping[str, list[Value]],
    fixed: Mapping[str, Value],
    work: tuple[str, ...],
) -> tuple[Point, ...]:
    points = []
    for row, values in itertools.product(rows, itertools.product(*axes.values())):
        settings = {**fixed, **row, **dict(zip(axes, values, strict=True))}
        ranks, threads = (int(settings.pop(name, 1)) for name in LAYOUT)
        said = settings.pop("work", None)
        named = tuple(sorted(settings.items()))
        points.append(Point(ranks, threads, named, float(said) if said else product(settings, work)))
    return tuple(points)


def product(settings: Mapping[str, Value], work: tuple[str, ...]) -> float:
    """The work of a point from the options that make it up."""
    result = 1.0
    for name in work:
        value = settings.get(name)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(not isinstance(one, int | float) or isinstance(one, bool) or one <= 0 for one in numbers):
            refuse("work", f"{name} is {shown(value)} at a point; it has to be numbers above 0")
        result *= math.prod(numbers)
    return result
