"""Runs the points of a study, round by round, until each has the repeats that it needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from ..statistics import LEVEL, Estimate, estimate
from .measure import Program, measure
from .model import Repeats
from .store import Store

Progress = Callable[[int, int, int, str], None]  # round, runs done in it, runs in it, point that is next


def narrow(found: Estimate, half_width: float) -> bool:
    """True where the 95 % interval, which needs six values, is that narrow."""
    return found.coverage >= LEVEL and found.high - found.low <= 2.0 * half_width * found.median


def wants_more(times: Sequence[float], rule: Repeats) -> bool:
    if len(times) < rule.initial:
        return True
    if rule.half_width is None or len(times) >= rule.max:
        return False
    return not narrow(estimate(times), rule.half_width)


def next_round(times: Mapping[int, Sequence[float]], rule: Repeats, seed: int) -> tuple[int, list[int]]:
    """The number of the next round, from 1, and the points that still have to run in it, in order.

    times has the values of each point that may run. Round n gives each that wants more its n-th repeat.
    Of two points the same comes first whatever the others do, so that a round that was interrupted goes on
    as it would have. Rounds mix all points, so that a slow spell of the machine hits all alike.
    """
    wanting = {point: len(values) for point, values in times.items() if wants_more(values, rule)}
    number = min(wanting.values(), default=0) + 1
    now = [point for point, done in wanting.items() if done + 1 == number]
    return number, sorted(now, key=lambda point: random.Random(f"{seed} {number} {point}").random())


def run(store: Store, program: Program, progress: Progress) -> str:
    """All runs that are wanted, one after another. Returns why it ended before that, or an empty string.

    A point that fails is left out for the rest of this sitting; the next one tries it again.
    """
    study, rule = store.study, store.study.repeats
    labels = study.labels()
    left = set(range(len(study.points)))
    used_s = sum(one.wall_s for one in store.runs)
    while True:
        times = {n: [one.time_s for one in store.of(n)] for n in sorted(left)}
        number, todo = next_round(times, rule, study.seed)
        if not todo:
            return ""
        for place, point in enumerate(todo):
            if used_s >= rule.budget_s:
                return f"the budget of {rule.budget_s:g} s is used up"
            progress(number, place, len(todo), labels[study.points[point]])
            one = measure(point, study.points[point], number, program, rule.limit_s, store.file.parent)
            store.add(one)
            used_s += one.wall_s
            if one.failed:
                left.discard(point)
        progress(number, len(todo), len(todo), "")
