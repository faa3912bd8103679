"""From repeats to the rows of a table, and the verdict over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import Estimate, bootstrap, estimate, ratio_of_medians
from .study import Point, Repeat


@dataclass(frozen=True)
class Row:
    point: Point
    values: tuple[float, ...]  # seconds per step, one of each repeat
    time_s: Estimate
    speedup: float
    speedup_low: float
    speedup_high: float
    checksum: str

    @property
    def efficiency(self) -> float:
        return self.speedup / self.point.cores


@dataclass(frozen=True)
class Summary:
    rows: tuple[Row, ...]
    base: Row
    deviating: tuple[str, ...]  # points whose checksum is not the one that most runs have
    unverified: tuple[str, ...]  # points with a run that failed its own verification
    checksum: str  # the one that most runs have

    @property
    def good(self) -> bool:
        return not self.deviating and not self.unverified


def summarise(repeats: Sequence[Repeat]) -> Summary:
    """The base of all speed-ups is the fastest point on the fewest cores."""
    by_point: dict[Point, list[Repeat]] = {}
    for one in repeats:
        by_point.setdefault(one.point, []).append(one)
    times = {point: [one.time_s for one in runs] for point, runs in by_point.items()}
    fewest = min(point.cores for point in times)
    base = min((point for point in times if point.cores == fewest), key=lambda p: estimate(times[p]).median)
    usual = Counter(one.checksum for one in repeats).most_common(1)[0][0]
    rows = []
    for point in sorted(by_point, key=lambda p: (p.schedule != "tasks", p.schedule, p.cores, p.ranks)):
        # Cores of the base count too: a study that starts at 4 cores has efficiency 1 there.
        scale = float(base.cores)
        speedup = scale * ratio_of_medians(times[base], times[point])
        low, high = (speedup, speedup)
        if point != base:
            low, high = bootstrap([times[base], times[point]], ratio_of_medians)
            low, high = scale * low, scale * high
        odd = next((one.checksum for one in by_point[point] if one.checksum != usual), usual)
        rows.append(Row(point, tuple(times[point]), estimate(times[point]), speedup, low, high, odd))
    return Summary(
        rows=tuple(rows),
        base=next(row for row in rows if row.point == base),
        deviating=tuple(row.point.key for row in rows if row.checksum != usual),
        unverified=tuple(
            row.point.key for row in rows if not all(one.verified for one in by_point[row.point])
        ),
        checksum=usual,
    )


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def unit_of(rows: Sequence[Row]) -> tuple[str, float]:
    """One unit for a whole table: the one in which its smallest time is at least 1."""
    smallest = min(row.time_s.median for row in rows)
    units = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
    return next((unit for unit in units if smallest >= unit[1]), ("ns", 1e-9))


def decimals(rows: Sequence[Row]) -> int:
    """The same for all times of a table; three digits of the smallest."""
    smallest = min(row.time_s.median for row in rows) / unit_of(rows)[1]
    return 2 if smallest < 10 else 1 if smallest < 100 else 0


def coverage_note(rows: Sequence[Row]) -> str:
    """What the intervals are, in one sentence."""
    worst = min(row.time_s.coverage for row in rows)
    fewest = min(row.time_s.n for row in rows)
    if worst >= 0.95:
        return f"Intervals: order statistics over {fewest} repeats, at least 95 %."
    if fewest == 1:
        return "Intervals: none, with one repeat of each point."
    return f"Intervals: the range of {fewest} repeats, which covers {100 * worst:.0f} %, not 95 %."


def headings(rows: Sequence[Row]) -> list[str]:
    unit, _ = unit_of(rows)
    interval = "95 % interval" if min(row.time_s.coverage for row in rows) >= 0.95 else "range"
    return ["schedule", "ranks x threads", f"{unit} per step", interval, "speed-up", "efficiency"]


def body(rows: Sequence[Row]) -> list[list[str]]:
    """The table's cells as text, one list a row."""
    _, unit_s = unit_of(rows)
    digits = decimals(rows)
    return [
        [row.point.schedule, f"{row.point.ranks} x {row.point.threads}", *cells(row, unit_s, digits)]
        for row in rows
    ]


def cells(row: Row, unit_s: float, digits: int) -> list[str]:
    median, low, high = (
        f"{time_s / unit_s:.{digits}f}" for time_s in (row.time_s.median, row.time_s.low, row.time_s.high)
    )
    return [median, f"{low} to {high}", f"{row.speedup:.2f}", f"{row.efficiency:.2f}"]


def table(summary: Summary) -> str:
    """For the terminal."""
    lines = [headings(summary.rows), *body(summary.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            word.ljust(width) if i == 0 else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def verdict(summary: Summary) -> list[str]:
    """One sentence on checksums, one on verification."""
    if summary.deviating:
        points = ", ".join(summary.deviating)
        sums = f"Checksums differ: {points} against {summary.checksum} at the others."
    else:
        sums = f"All {len(summary.rows)} points have the same checksum, {summary.checksum}."
    if summary.unverified:
        checks = f"Verification failed at {', '.join(summary.unverified)}."
    else:
        checks = "Every run passed its own verification."
    return [sums, checks]
