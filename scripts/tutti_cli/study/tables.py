"""The tables and sentences of a report, as text; the terminal and the page show the same."""

from __future__ import annotations

from collections.abc import Sequence

from ..common import counted
from . import metg
from .factors import BALANCE, COMPUTATION, SCHEDULING, THREADS
from .model import METG
from .summary import Row, Summary

MARK = "*"  # behind the layout of an oversubscribed point
GOOD = 0.8  # an efficiency that POP calls good


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


def layout(row: Row) -> str:
    return f"{row.point.ranks} x {row.point.threads}{MARK if row.oversubscribed else ''}"


def key(summary: Summary, row: Row) -> list[str]:
    return [*(row.point.text(name) for name in summary.study.varying), layout(row)]


Table = list[list[str]]  # headings first


def numbers(summary: Summary) -> Table:
    """Medians, intervals, and how they scale."""
    rows = summary.rows
    unit, unit_s = unit_of(rows)
    digits = decimals(rows)
    interval = "95 % interval" if min(row.time_s.coverage for row in rows) >= 0.95 else "range"
    what = f"METG(50 %), {unit}" if summary.study.kind == METG else f"{unit} per iteration"
    headings = [*summary.study.varying, "ranks x threads", what, interval, "repeats"]
    table = [headings + (["speed-up", "efficiency"] if summary.scaling else [])]
    for row in rows:
        found = row.time_s
        median, low, high = (f"{time / unit_s:.{digits}f}" for time in (found.median, found.low, found.high))
        cells = [*key(summary, row), median, f"{low} to {high}", str(found.n)]
        table.append(cells + ([f"{row.speedup:.2f}", f"{row.efficiency:.2f}"] if summary.scaling else []))
    return table


def pop(summary: Summary) -> Table:
    """POP factors of the points that have any; empty where none has."""
    rows = [row for row in summary.rows if row.factors]
    if not rows:
        return []
    short = ("global", "parallel", BALANCE[1], "communication", THREADS[1], SCHEDULING[1], COMPUTATION)
    table = [[*summary.study.varying, "ranks x threads", *short]]
    for row in rows:
        found = row.factors
        parts = dict(found.parts)
        values = (
            found.total,
            found.parallel,
            parts[BALANCE[1]],
            found.communication,
            parts[THREADS[1]],
            parts[SCHEDULING[1]],
            found.computation,
        )
        table.append([*key(summary, row), *(f"{value:.2f}" for value in values)])
    return table


def aligned(table: Table, left: int) -> str:
    """For the terminal; the first columns, so many, are words."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            word.ljust(width) if i < left else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def intervals(summary: Summary) -> str:
    """What the intervals are, in one sentence."""
    worst = min(row.time_s.coverage for row in summary.rows)
    fewest = min(row.time_s.n for row in summary.rows)
    most = max(row.time_s.n for row in summary.rows)
    count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    if worst >= 0.95:
        return f"Times are medians, intervals order statistics over {count} repeats that cover at least 95 %."
    if most == 1:
        return "Times are of one repeat of each point, without an interval."
    return (
        f"Times are medians, intervals the range of {count} repeats,"
        f" which covers {100 * worst:.0f} %, not 95 %."
    )


def base(summary: Summary) -> str:
    """What speed-ups are against."""
    if not summary.scaling:
        return ""
    cases = "; ".join(f"{row.label}, {duration(row.time_s.median)}" for row in summary.bases)
    return f"Speed-up and efficiency are against {cases} per iteration."


def oversubscription(summary: Summary) -> str:
    """The line that explains the mark; empty where no point is marked."""
    marked = [row for row in summary.rows if row.oversubscribed]
    if not marked:
        return ""
    cores = min(run.cores for row in marked for run in row.runs)
    return (
        f"{MARK} oversubscribed: more workers than the {counted(cores, 'core')} of the"
        " machine; these times show that it works, not how it scales."
    )


def verdict(summary: Summary) -> list[str]:
    """What one has to know before believing the numbers."""
    if summary.deviating:
        sentences = list(summary.deviating)
    elif len({summary.study.problem(row.point) for row in summary.rows}) == 1:
        checksum = summary.rows[0].runs[0].checksum
        count = len(summary.rows)
        sentences = [f"All {count} points have the same checksum, {checksum}." if count > 1 else ""]
    else:
        sentences = ["Points of the same problem have the same checksum."]
    if summary.unverified:
        sentences.append(f"Verification failed at {', '.join(summary.unverified)}.")
    else:
        sentences.append("Every run passed its own verification.")
    sentences += [
        f"Pinning: {warning}, at {', '.join(which)}." for warning, which in pinning(summary).items()
    ]
    sentences += [f"Failed: {label}: {reason}." for label, reason in summary.failures]
    if summary.missing:
        sentences.append(f"Not run: {', '.join(summary.missing)}.")
    sentences.append(mixture(summary))
    return [sentence for sentence in sentences if sentence]


def pinning(summary: Summary) -> dict[str, list[str]]:
    """What runs said of where their workers were, by kind, and at which points."""
    found: dict[str, list[str]] = {}
    for row in summary.rows:
        for warning in sorted({one.split(":", 1)[0] for origin in row.origins for one in origin.warnings}):
            found.setdefault(warning, []).append(row.label)
    return found


def mixture(summary: Summary) -> str:
    """Runs of one study that are of different programs or machines are hard to compare."""
    origins = [origin for row in summary.rows for origin in row.origins]
    kinds = {
        "commits": {origin.commit for origin in origins},
        "machines": {origin.cpu_model for origin in origins},
    }
    mixed = [f"{what} ({', '.join(sorted(found))})" for what, found in kinds.items() if len(found) > 1]
    return f"Runs come from different {' and '.join(mixed)}." if mixed else ""


def notes(summary: Summary) -> list[str]:
    """What the columns are and what the mark means."""
    rows = {row.label: row.runs for row in summary.rows}
    bounds = metg.bounds(rows) if summary.study.kind == METG else []
    sentences = (oversubscription(summary), base(summary), intervals(summary))
    return [one for one in (*sentences, *bounds) if one]


def title(summary: Summary) -> str:
    name = summary.study.app.rsplit("/", 1)[-1]
    what = f"{summary.study.kind} scaling" if summary.scaling else "study"
    what = "METG(50 %)" if summary.study.kind == METG else what
    return f"{name}: {what}"


def setting(summary: Summary) -> str:
    """What is the same at all points, and where it ran."""
    fixed = [f"{name} {text}" for name, text in summary.study.fixed().items()]
    machine = summary.fastest.result.get("machine", {})
    cores = summary.fastest.middle.cores
    where = f"{counted(cores, 'core')} of {machine.get('cpu_model', 'an unknown processor')}"
    return ", ".join([*fixed, where, summary.fastest.middle.started[:10]])
