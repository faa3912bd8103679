"""Tasks against the other schedules: the same problem on the same layout, and the ratio of their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..statistics import LEVEL, Ratio, ratio
from .model import SCHEDULE
from .summary import Row, Summary
from .tables import duration

TASKS = "tasks"


@dataclass(frozen=True)
class Contest:
    """Two points that differ in nothing but the schedule."""

    tasks: Row
    other: Row
    times: Ratio  # of the other schedule over tasks: above 1, tasks are faster

    @property
    def series(self) -> str:
        """Like a row's, with the other schedule's name."""
        return self.other.series or self.other.point.schedule


def contests(summary: Summary) -> list[Contest]:
    """In the order of the table; none where no schedule but one was measured."""
    if SCHEDULE not in summary.study.varying:
        return []
    key = {row.label: (summary.study.problem(row.point), row.point.layout) for row in summary.rows}
    tasks = {key[row.label]: row for row in summary.rows if row.point.schedule == TASKS}
    return [
        Contest(mine, row, ratio(row.values, mine.values))
        for row in summary.rows
        if row.point.schedule != TASKS and (mine := tasks.get(key[row.label])) is not None
    ]


def table(found: Sequence[Contest]) -> list[list[str]]:
    """Headings first; empty where there was no contest."""
    if not found:
        return []
    rows = [["schedule and layout", "tasks", "other", "other over tasks", "95 % interval"]]
    for one in found:
        known = one.times.coverage >= LEVEL
        interval = f"{one.times.low:.3f} to {one.times.high:.3f}" if known else "too few repeats"
        medians = [duration(row.time_s.median) for row in (one.tasks, one.other)]
        rows.append([one.other.label, *medians, f"{one.times.value:.3f}", interval])
    return rows


def notes(found: Sequence[Contest]) -> list[str]:
    """The outcome in one sentence; empty where there was no contest."""
    parts = []
    for schedule in dict.fromkeys(one.other.point.schedule for one in found):
        mine = [one for one in found if one.other.point.schedule == schedule]
        sure = [one for one in mine if one.times.coverage >= LEVEL]
        faster = sum(one.times.low > 1.0 for one in sure)
        slower = sum(one.times.high < 1.0 for one in sure)
        text = f"tasks are faster than {schedule} at {faster} and slower at {slower} of {len(mine)} points"
        few = len(mine) - len(sure)
        parts.append(text + (f" ({few} with too few repeats to tell)" if few else ""))
    if not parts:
        return []
    text = "; ".join(parts)
    return [f"{text[0].upper()}{text[1:]}, by the 95 % interval of the Hodges-Lehmann ratio of their times."]
