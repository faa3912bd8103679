"""Time and efficiency over workers, with single repeats, intervals and the ideal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from .model import STRONG, WEAK
from .style import FAINT, INK, SIZE, heading, look, problem, series
from .summary import Row, Summary
from .tables import GOOD, unit_of

MARKERS = {"one worker": "^", "threads only": "o", "ranks only": "s", "ranks and threads": "D"}
ASIDE = 2.0**-0.03  # single repeats stand left of the interval
SHADE = "#f1f1f1"

Value = Callable[[Row, float], float]  # of a row, from one time in seconds
Interval = Callable[[Row], tuple[float, float]]


def kind(row: Row) -> str:
    point = row.point
    if point.workers == 1:
        return "one worker"
    if point.ranks == 1:
        return "threads only"
    return "ranks only" if point.threads == 1 else "ranks and threads"


def shifts(summary: Summary) -> dict[str, float]:
    """A small factor on x for each point, so that points with as many workers stay apart."""
    groups: dict[int, list[Row]] = {}
    for row in summary.rows:
        groups.setdefault(row.point.workers, []).append(row)
    found = {}
    for rows in groups.values():
        step = min(0.09, 0.5 / len(rows))
        for place, row in enumerate(rows):
            found[row.label] = 2.0 ** (step * (place - (len(rows) - 1) / 2))
    return found


def draw(axes: Axes, summary: Summary, value: Value, interval: Interval) -> None:
    """Raw values, medians with intervals, and a line through the best layout at each number of workers."""
    shift = shifts(summary)
    for name in series(summary):
        rows = [row for row in summary.rows if row.series == name]
        colour, dashes = look(summary, rows[0])
        best = {}
        for row in sorted(rows, key=lambda row: (row.point.workers, -row.time_s.median)):
            best[row.point.workers] = row
        axes.plot(
            list(best),  # not shifted, to compare with the ideal line
            [value(row, row.time_s.median) for row in best.values()],
            color=colour,
            linestyle=dashes,
            linewidth=1.6,
        )
        dots = [
            (row.point.workers * shift[row.label] * ASIDE, value(row, time_s))
            for row in rows
            for time_s in row.values
        ]
        axes.plot(*zip(*dots, strict=True), ".", color=colour, alpha=0.35, markersize=4, zorder=2)
        for shape, marker in MARKERS.items():
            mine = [row for row in rows if kind(row) == shape]
            if mine:
                x = [row.point.workers * shift[row.label] for row in mine]
                bars(
                    axes, x, [(value(row, row.time_s.median), *interval(row)) for row in mine], colour, marker
                )


def bars(
    axes: Axes, x: Sequence[float], found: Sequence[tuple[float, float, float]], colour: str, marker: str
) -> None:
    """Medians and their intervals; found has median, low and high."""
    axes.errorbar(
        x,
        [middle for middle, _, _ in found],
        yerr=[
            [max(0.0, middle - low) for middle, low, _ in found],
            [max(0.0, high - middle) for middle, _, high in found],
        ],
        color=colour,
        linestyle="",
        marker=marker,
        markersize=6.5,
        markerfacecolor="white",
        markeredgewidth=1.5,
        capsize=3,
        elinewidth=1.2,
        zorder=3,
    )


def finish(axes: Axes, summary: Summary, *references: Line2D) -> None:
    workers = sorted({row.point.workers for row in summary.rows})
    axes.set_xscale("log", base=2)
    step = 1 + len(workers) // 9
    axes.set_xticks(workers, [str(n) if i % step == 0 else "" for i, n in enumerate(workers)])
    axes.xaxis.set_minor_locator(NullLocator())
    left, right = workers[0] / 1.3, workers[-1] * 1.3
    axes.set_xlim(left, right)
    axes.set_xlabel("workers (ranks x threads)")
    axes.grid(True, which="major")
    names = series(summary)
    handles = []
    for name in names if len(names) > 1 else []:
        colour, dashes = look(summary, next(row for row in summary.rows if row.series == name))
        handles.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=1.6, label=name))
    for shape in dict.fromkeys(kind(row) for row in summary.rows):
        plain = {"color": INK, "marker": MARKERS[shape], "markerfacecolor": "white", "linestyle": ""}
        handles.append(Line2D([], [], label=shape, **plain))
    handles.append(Line2D([], [], color=INK, marker=".", linestyle="", alpha=0.5, label="one repeat"))
    handles += references
    over = [row.point.workers for row in summary.rows if row.oversubscribed]
    if over:
        fitting = [count for count in workers if count < min(over)]
        start = (fitting[-1] * min(over)) ** 0.5 if fitting else left
        axes.axvspan(start, right, color=SHADE, zorder=0, linewidth=0)
        handles.append(Patch(facecolor=SHADE, edgecolor="#cccccc", label="oversubscribed"))
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(4, len(handles), 80 // (longest + 6)))
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def ideal(axes: Axes, summary: Summary, value: Callable[[Row, int], float]) -> Line2D:
    """From each base case on."""
    for base in summary.bases:
        family = summary.study.family(base.point)
        workers = sorted(
            {row.point.workers for row in summary.rows if summary.study.family(row.point) == family}
        )
        axes.plot(workers, [value(base, count) for count in workers], ":", color=FAINT, zorder=1)
    return Line2D([], [], linestyle=":", color=FAINT, label="ideal")


def time(summary: Summary) -> Figure:
    if not summary.scaling:
        return times_by_name(summary)
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    unit, unit_s = unit_of(summary.rows)
    weak = summary.study.kind == WEAK
    draw(
        axes,
        summary,
        lambda _row, time_s: time_s / unit_s,
        lambda row: (row.time_s.low / unit_s, row.time_s.high / unit_s),
    )
    line = ideal(
        axes,
        summary,
        lambda base, count: base.time_s.median / unit_s * (1.0 if weak else base.point.workers / count),
    )
    if weak:
        axes.set_ylim(0.0, None)
    else:
        logarithmic(axes)
    axes.set_ylabel(f"{unit} per iteration")
    heading(axes, f"Time per iteration, {summary.study.kind} scaling", problem(summary))
    finish(axes, summary, line)
    return figure


def logarithmic(axes: Axes) -> None:
    """Plain numbers, more of them where all lie within a decade."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    subs = (1.0, 2.0, 5.0) if high > 20 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def efficiency(summary: Summary) -> Figure | None:
    if not summary.scaling:
        return None
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    draw(
        axes,
        summary,
        # Speed-up and time are inverse to each other.
        lambda row, time_s: row.efficiency * row.time_s.median / time_s,
        lambda row: (row.low / row.point.workers, row.high / row.point.workers),
    )
    axes.axhline(1.0, color=FAINT, linestyle=":", zorder=1)
    ideal_line = Line2D([], [], color=FAINT, linestyle=":", label="ideal")
    good = axes.axhline(GOOD, color=FAINT, linewidth=1.0, linestyle="-.", label=f"{GOOD}", zorder=1)
    top = max(row.efficiency * row.time_s.median / time_s for row in summary.rows for time_s in row.values)
    axes.set_ylim(0.0, max(1.1, 1.05 * top))
    axes.set_ylabel("efficiency")
    what = "Parallel efficiency" if summary.study.kind == STRONG else "Weak-scaling efficiency"
    heading(axes, what, problem(summary))
    finish(axes, summary, ideal_line, good)
    return figure


def times_by_name(summary: Summary) -> Figure:
    """Of a study that is not about scaling: one line of the plot for each point, the first on top."""
    rows = summary.rows[::-1]
    height = max(2.4, 0.8 + 0.28 * len(rows))
    figure, axes = plt.subplots(figsize=(SIZE[0], height), layout="constrained")
    unit, unit_s = unit_of(rows)
    for place, row in enumerate(rows):
        colour, _ = look(summary, row)
        middle, low, high = (t / unit_s for t in (row.time_s.median, row.time_s.low, row.time_s.high))
        raw = [time_s / unit_s for time_s in row.values]
        axes.plot(raw, [place] * len(raw), ".", color=colour, alpha=0.35, markersize=4)
        axes.errorbar(
            [middle],
            [place],
            xerr=[[middle - low], [high - middle]],
            color=colour,
            marker=MARKERS[kind(row)],
            markerfacecolor="white",
            markeredgewidth=1.5,
            capsize=3,
        )
    axes.set_yticks(range(len(rows)), [f"{row.label}{' *' if row.oversubscribed else ''}" for row in rows])
    axes.set_xlim(0.0, None)
    axes.set_xlabel(f"{unit} per iteration")
    axes.grid(True, axis="x")
    heading(axes, "Time per iteration", problem(summary))
    return figure
