"""Time and efficiency over workers, with single repeats, intervals and the ideal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .model import STRONG, WEAK
from .style import FAINT, INK, LINE, bars, heading, legend, look, marks, problem
from .summary import Row, Summary
from .tables import GOOD, unit_of

LAYOUTS = {"one worker": "^", "threads only": "o", "ranks only": "s", "ranks and threads": "D"}
ASIDE = 2.0**-0.03  # single repeats stand left of the interval
SHADE = "#f1f1f1"
MOST = 6  # series that stay legible

Value = Callable[[Row, float], float]  # of a row, from one time in seconds
Interval = Callable[[Row], tuple[float, float]]


def layout_of(row: Row) -> str:
    point = row.point
    if point.workers == 1:
        return "one worker"
    if point.ranks == 1:
        return "threads only"
    return "ranks only" if point.threads == 1 else "ranks and threads"


def chosen(summary: Summary) -> list[Row]:
    """All rows, or of many series those with the highest rates."""
    rate: dict[str, float] = {}
    for row in summary.rows:
        rate[row.series] = max(rate.get(row.series, 0.0), row.point.work / row.time_s.median)
    kept = sorted(rate, key=lambda name: -rate[name])[:MOST]
    return [row for row in summary.rows if row.series in kept]


def names_of(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row.series for row in rows))


def some_of(rows: Sequence[Row], summary: Summary) -> str:
    shown, count = len(names_of(rows)), len(summary.series)
    return f"{shown} of {count} series, {problem(summary)}" if shown < count else problem(summary)


def shifts(rows: Sequence[Row]) -> dict[str, float]:
    """A small factor on x for each point, so that points with as many workers stay apart."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.point.workers, []).append(row)
    found = {}
    for group in groups.values():
        step = min(0.09, 0.5 / len(group))
        for place, row in enumerate(group):
            found[row.label] = 2.0 ** (step * (place - (len(group) - 1) / 2))
    return found


def layout_marks(rows: Iterable[Row]) -> list[Artist]:
    """What the legend says of the markers of these rows."""
    layouts = dict.fromkeys(layout_of(row) for row in rows)
    return [Line2D([], [], label=one, linestyle="", **marks(INK, LAYOUTS[one])) for one in layouts]


def draw(axes: Axes, summary: Summary, rows: Sequence[Row], value: Value, interval: Interval) -> None:
    """Raw values, medians with intervals, and a line through the best layout at each number of workers."""
    shift = shifts(rows)
    for name in names_of(rows):
        mine = [row for row in rows if row.series == name]
        colour, dashes, _ = look(summary, mine[0])
        best = {}
        for row in sorted(mine, key=lambda row: (row.point.workers, -row.time_s.median)):
            best[row.point.workers] = row
        axes.plot(
            list(best),  # not shifted, to compare with the ideal line
            [value(row, row.time_s.median) for row in best.values()],
            color=colour,
            linestyle=dashes,
            linewidth=LINE,
        )
        dots = [
            (row.point.workers * shift[row.label] * ASIDE, value(row, time_s))
            for row in mine
            for time_s in row.values
        ]
        axes.plot(*zip(*dots, strict=True), ".", color=colour, alpha=0.35, markersize=2.5, zorder=2)
        for layout, marker in LAYOUTS.items():
            alike = [row for row in mine if layout_of(row) == layout]
            if not alike:
                continue
            middle = [value(row, row.time_s.median) for row in alike]
            ends = [interval(row) for row in alike]
            axes.errorbar(
                [row.point.workers * shift[row.label] for row in alike],
                middle,
                yerr=[
                    [max(0.0, one - low) for one, (low, _) in zip(middle, ends, strict=True)],
                    [max(0.0, high - one) for one, (_, high) in zip(middle, ends, strict=True)],
                ],
                **bars(colour, marker),
            )


def workers_axis(axes: Axes, counts: Sequence[int], what: str = "workers (ranks x threads)") -> None:
    """A logarithmic axis with a tick at each of these numbers, which increase."""
    axes.set_xscale("log", base=2)
    step = 1 + len(counts) // 9
    axes.set_xticks(counts, [str(n) if i % step == 0 else "" for i, n in enumerate(counts)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    axes.set_xlabel(what)
    axes.grid(True, which="major")


def shade(axes: Axes, rows: Sequence[Row]) -> list[Artist]:
    """A grey ground under points with more workers than cores; what the legend says of it."""
    over = [row.point.workers for row in rows if row.oversubscribed]
    if not over:
        return []
    left, right = axes.get_xlim()
    fitting = [row.point.workers for row in rows if row.point.workers < min(over)]
    start = (max(fitting) * min(over)) ** 0.5 if fitting else left
    axes.axvspan(start, right, color=SHADE, zorder=0, linewidth=0)
    return [Patch(facecolor=SHADE, edgecolor="#cccccc", label="oversubscribed")]


def finish(axes: Axes, summary: Summary, rows: Sequence[Row], *references: Artist) -> None:
    workers_axis(axes, sorted({row.point.workers for row in rows}))
    names = names_of(rows)
    handles: list[Artist] = []
    for name in names if len(names) > 1 else []:
        colour, dashes, _ = look(summary, next(row for row in rows if row.series == name))
        handles.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=LINE, label=name))
    handles += layout_marks(rows)
    handles.append(Line2D([], [], color=INK, marker=".", linestyle="", alpha=0.5, label="one repeat"))
    legend(axes.figure, [*handles, *references, *shade(axes, rows)])


def ideal(axes: Axes, rows: Sequence[Row], summary: Summary, value: Callable[[Row, int], float]) -> Line2D:
    """From each base case on."""
    for base in summary.bases:
        family = summary.study.family(base.point)
        workers = sorted({row.point.workers for row in rows if summary.study.family(row.point) == family})
        axes.plot(workers, [value(base, count) for count in workers], ":", color=FAINT, zorder=1)
    return Line2D([], [], linestyle=":", color=FAINT, label="ideal")


def time(summary: Summary) -> Figure | None:
    if not summary.scaling:
        return None
    rows = chosen(summary)
    figure, axes = plt.subplots(layout="constrained")
    unit, unit_s = unit_of(rows)
    weak = summary.study.kind == WEAK
    draw(
        axes,
        summary,
        rows,
        lambda _row, time_s: time_s / unit_s,
        lambda row: (row.time_s.low / unit_s, row.time_s.high / unit_s),
    )
    line = ideal(
        axes,
        rows,
        summary,
        lambda base, count: base.time_s.median / unit_s * (1.0 if weak else base.point.workers / count),
    )
    if weak:
        axes.set_ylim(0.0, None)
    else:
        logarithmic(axes)
    axes.set_ylabel(f"{unit} per iteration")
    heading(axes, f"Time per iteration, {summary.study.kind} scaling", some_of(rows, summary))
    finish(axes, summary, rows, line)
    return figure


def logarithmic(axes: Axes) -> None:
    """Plain numbers, more of them where all lie within a decade."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    subs = (1.0,) if high > 300 * low else (1.0, 2.0, 5.0)
    if high <= 20 * low:
        subs = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def efficiency(summary: Summary) -> Figure | None:
    if not summary.scaling:
        return None
    rows = chosen(summary)
    figure, axes = plt.subplots(layout="constrained")
    draw(
        axes,
        summary,
        rows,
        # Speed-up and time are inverse to each other.
        lambda row, time_s: row.efficiency * row.time_s.median / time_s,
        lambda row: (row.low / row.point.workers, row.high / row.point.workers),
    )
    axes.axhline(1.0, color=FAINT, linestyle=":", zorder=1)
    ideal_line = Line2D([], [], color=FAINT, linestyle=":", label="ideal")
    good = axes.axhline(GOOD, color=FAINT, linewidth=0.8, linestyle="-.", label=f"{GOOD}", zorder=1)
    top = max(row.efficiency * row.time_s.median / time_s for row in rows for time_s in row.values)
    axes.set_ylim(0.0, max(1.1, 1.05 * top))
    axes.set_ylabel("efficiency")
    what = "Parallel efficiency" if summary.study.kind == STRONG else "Weak-scaling efficiency"
    heading(axes, what, some_of(rows, summary))
    finish(axes, summary, rows, ideal_line, good)
    return figure
