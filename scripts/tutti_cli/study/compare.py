"""`tutti study compare A B`: do two results of the same points differ, and by how much?

The ratio of a point is the Hodges-Lehmann estimate of B's times over A's, with its exact 95 % interval
(statistics.ratio). With a margin of, say, 2 % a point

    differs     if the whole interval lies outside of 1/1.02 .. 1.02, or if the checksums differ
    is the same if the whole interval lies within
    is unclear  else: more repeats would tell, or an interval of 95 % does not exist (fewer than 4 repeats)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..common import FAILED, OK, USAGE, Failure, counted, say
from ..statistics import LEVEL, Estimate, Ratio, estimate, ratio
from . import machines, store, tables
from .model import Point
from .store import Run, Store
from .summary import times

FASTER, SLOWER, SAME, UNCLEAR, CHECKSUM = "faster", "slower", "same", "unclear", "checksum differs"
DIFFERENT = (FASTER, SLOWER, CHECKSUM)


@dataclass(frozen=True)
class Pair:
    """A point that both have measured."""

    label: str
    point: Point
    a: Estimate  # of the times
    b: Estimate
    times: Ratio  # b over a
    checksums: tuple[str, ...]  # all that either has; one if they agree
    verdict: str  # of b against a

    @property
    def differs(self) -> bool:
        return self.verdict in DIFFERENT


@dataclass(frozen=True)
class Comparison:
    margin: float
    pairs: tuple[Pair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return any(pair.differs for pair in self.pairs)


def judge(times: Ratio, margin: float, checksums: Sequence[str]) -> str:
    if len(checksums) > 1:
        return CHECKSUM
    if times.coverage < LEVEL:
        return UNCLEAR
    least, most = 1.0 / (1.0 + margin), 1.0 + margin
    if times.low > most:
        return SLOWER
    if times.high < least:
        return FASTER
    return SAME if least <= times.low and times.high <= most else UNCLEAR


def compare(a: Store, b: Store, margin: float) -> Comparison:
    """Of the points that both have; refused where there are none."""
    names = [store.study.app.rsplit("/", 1)[-1] for store in (a, b)]
    if names[0] != names[1] or a.study.quantity != b.study.quantity:
        raise Failure(f"A measured {names[0]} ({a.study.quantity}), B {names[1]} ({b.study.quantity})", USAGE)
    runs_a, runs_b = good(a), good(b)
    common = [point for point in runs_a if point in runs_b]
    if not common:
        raise Failure("A and B have no point in common: " + difference(a, b), USAGE)
    labels = a.study.labels()
    pairs = tuple(pair(labels[point], point, runs_a[point], runs_b[point], margin) for point in common)
    labels_b = b.study.labels()
    return Comparison(
        margin,
        pairs,
        tuple(labels[point] for point in runs_a if point not in runs_b),
        tuple(labels_b[point] for point in runs_b if point not in runs_a),
        tuple(machines.differences(runs_a, runs_b, common)),
    )


def good(kept: Store) -> dict[Point, list[Run]]:
    found = {point: kept.of(number) for number, point in enumerate(kept.study.points)}
    return {point: runs for point, runs in found.items() if runs}


def difference(a: Store, b: Store) -> str:
    """Of the arguments that all points of a study share; else where to look."""
    fixed_a, fixed_b = a.study.fixed(), b.study.fixed()
    names = sorted(name for name in {*fixed_a, *fixed_b} if fixed_a.get(name) != fixed_b.get(name))
    words = [
        f"{name} is {fixed_a.get(name, 'not set')} in A and {fixed_b.get(name, 'not set')} in B"
        for name in names
    ]
    return ", ".join(words) if words else "compare the tables that `tutti study report` prints"


def pair(label: str, point: Point, a: Sequence[Run], b: Sequence[Run], margin: float) -> Pair:
    found = ratio(times(b), times(a))
    checksums = tuple(sorted({run.checksum for run in (*a, *b)}))
    verdict = judge(found, margin, checksums)
    return Pair(label, point, estimate(times(a)), estimate(times(b)), found, checksums, verdict)


def table(found: Comparison) -> list[list[str]]:
    """Headings first."""
    rows = [["point", "A", "B", "B over A", "95 % interval", "B is"]]
    for one in found.pairs:
        known = one.times.coverage >= LEVEL
        interval = f"{one.times.low:.3f} to {one.times.high:.3f}" if known else "too few repeats"
        medians = [tables.duration(side.median) for side in (one.a, one.b)]
        rows.append([one.label, *medians, f"{one.times.value:.3f}", interval, one.verdict])
    return rows


def sentences(found: Comparison) -> list[str]:
    """The outcome and the rule."""
    count = counted(len(found.pairs), "common point")
    said = [
        f"{sum(one.verdict == word for one in found.pairs)} {word}"
        for word in (FASTER, SLOWER, CHECKSUM, SAME, UNCLEAR)
        if any(one.verdict == word for one in found.pairs)
    ]
    rule = (
        "B is faster or slower where the whole 95 % interval of the Hodges-Lehmann ratio of times lies"
        f" beyond {100 * found.margin:g} %, the same where it lies within, else unclear."
    )
    text = [f"Of {count}, B is {', '.join(said)}.", rule]
    if len(found.pairs) >= 20 and found.differs:
        text.append(
            "Of many points that are the same, 1 in 40 may seem slower by chance, and 1 in 40 faster."
        )
    text.append(
        "A and B were not measured in turns: what the machine changed in between counts as a difference."
    )
    for side, labels in (("A", found.only_a), ("B", found.only_b)):
        if labels:
            text.append(f"Only in {side}: {', '.join(labels)}.")
    return text


def as_json(found: Comparison, a: str, b: str) -> dict[str, Any]:
    return {
        "a": a,
        "b": b,
        "margin": found.margin,
        "level": LEVEL,
        "differs": found.differs,
        "points": [
            {
                "name": one.label,
                "ranks": one.point.ranks,
                "threads": one.point.threads,
                "options": dict(one.point.options),
                "a_s": asdict(one.a),
                "b_s": asdict(one.b),
                "ratio": asdict(one.times),
                "checksums": list(one.checksums),
                "verdict": one.verdict,
            }
            for one in found.pairs
        ],
        "only_in_a": list(found.only_a),
        "only_in_b": list(found.only_b),
        "warnings": list(found.warnings),
    }


def verb(a: str, b: str, margin_percent: float, file: str | None) -> int:
    """OK where no point differs, FAILED where one does."""
    if not 0.0 <= margin_percent < 100.0:
        raise Failure(f"--margin takes a percentage from 0 to 100, not {margin_percent:g}", USAGE)
    found = compare(store.load(Path(a)), store.load(Path(b)), margin_percent / 100.0)
    if file:
        try:
            Path(file).write_text(json.dumps(as_json(found, a, b), indent=2) + "\n")
        except OSError as problem:
            raise Failure(f"cannot write {file}: {problem.strerror}") from problem
    say(f"A: {a}\nB: {b}\n")
    say(tables.aligned(table(found), 1))
    say("")
    for sentence in sentences(found):
        say(sentence)
    for warning in found.warnings:
        say(f"Warning: {warning}.")
    return FAILED if found.differs else OK
