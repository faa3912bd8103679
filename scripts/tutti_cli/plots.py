"""Two plots of a summary: time over cores, and parallel efficiency. Needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from .study import Point
from .summary import Row, Summary, duration, unit_of

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLOURS = {"tasks": "#0072B2", "bulk": "#D55E00", "kokkos": "#009E73"}
OTHER = "#CC79A7"
MARKERS = {"threads only": "o", "ranks only": "s", "ranks and threads": "D", "one core": "^"}
REFERENCE = "#555555"
ASIDE = 2.0**-0.02  # single repeats stand left of the interval
STYLE = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.titlesize": 10}


def kind(point: Point) -> str:
    if point.cores == 1:
        return "one core"
    if point.ranks == 1:
        return "threads only"
    return "ranks only" if point.threads == 1 else "ranks and threads"


def schedules(summary: Summary) -> list[str]:
    return list(dict.fromkeys(row.point.schedule for row in summary.rows))


def shift(summary: Summary, row: Row) -> float:
    """A small factor on x, so that points on the same number of cores stay apart."""
    same = sorted(
        (other.point for other in summary.rows if other.point.cores == row.point.cores),
        key=lambda p: (schedules(summary).index(p.schedule), p.ranks),
    )
    place = same.index(row.point) - (len(same) - 1) / 2
    return 2.0 ** (0.06 * place)


Value = Callable[[Row, float], float]  # of a row, from one time in seconds


def draw(axes: Axes, summary: Summary, value: Value, bars: Callable[[Row], tuple[float, float]]) -> None:
    """Raw values, medians with intervals, and a line through the best layout at each number of cores."""
    for schedule in schedules(summary):
        colour = COLOURS.get(schedule, OTHER)
        rows = [row for row in summary.rows if row.point.schedule == schedule]
        best = [
            min((row for row in rows if row.point.cores == cores), key=lambda row: row.time_s.median)
            for cores in sorted({row.point.cores for row in rows})
        ]
        axes.plot(
            [row.point.cores for row in best],  # not shifted, to compare with the ideal line
            [value(row, row.time_s.median) for row in best],
            color=colour,
            linewidth=1.5,
            linestyle="-" if schedule == "tasks" else "--",
        )
        for row in rows:
            x = row.point.cores * shift(summary, row)
            middle = value(row, row.time_s.median)
            low, high = bars(row)
            raw = [value(row, time_s) for time_s in row.values]
            axes.plot([x * ASIDE] * len(raw), raw, ".", color=colour, alpha=0.35, markersize=5, zorder=2)
            axes.errorbar(
                [x],
                [middle],
                yerr=[[max(0.0, middle - low)], [max(0.0, high - middle)]],
                color=colour,
                marker=MARKERS[kind(row.point)],
                markersize=7,
                markerfacecolor="white",
                markeredgewidth=1.5,
                capsize=3,
                linewidth=1.2,
                zorder=3,
            )


def finish(axes: Axes, summary: Summary, reference: Line2D) -> None:
    cores = sorted({row.point.cores for row in summary.rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(cores, [str(count) for count in cores])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(cores[0] / 1.35, cores[-1] * 1.35)
    axes.set_xlabel("cores (ranks x threads)")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    handles = [
        Line2D([], [], color=COLOURS.get(name, OTHER), linestyle="-" if name == "tasks" else "--", label=name)
        for name in schedules(summary)
    ]
    kinds = list(dict.fromkeys(kind(row.point) for row in summary.rows))
    handles += [
        Line2D([], [], color="#333333", marker=MARKERS[k], markerfacecolor="white", linestyle="", label=k)
        for k in kinds
    ]
    handles += [Line2D([], [], color="#333333", marker=".", linestyle="", alpha=0.5, label="one repeat")]
    axes.legend(handles=[*handles, reference], fontsize=8, framealpha=0.9)


def title(summary: Summary, problem: str) -> str:
    base = summary.base
    return (
        f"{problem}\nbase: {base.point.schedule} {base.point.layout}, {duration(base.time_s.median)} per step"
    )


def time_plot(summary: Summary, problem: str) -> Figure:
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    unit, unit_s = unit_of(summary.rows)
    draw(
        axes,
        summary,
        lambda _row, time_s: time_s / unit_s,
        lambda row: (row.time_s.low / unit_s, row.time_s.high / unit_s),
    )
    base = summary.base
    cores = sorted({row.point.cores for row in summary.rows})
    ideal = [base.time_s.median / unit_s * base.point.cores / count for count in cores]
    (line,) = axes.plot(cores, ideal, ":", color=REFERENCE, label="ideal", zorder=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.tick_params(axis="y", which="minor", labelsize=8)
    axes.set_ylabel(f"{unit} per step")
    axes.set_title(title(summary, problem), loc="left")
    finish(axes, summary, line)
    return figure


def efficiency_plot(summary: Summary, problem: str) -> Figure:
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    base = summary.base
    work = base.time_s.median * base.point.cores
    draw(
        axes,
        summary,
        lambda row, time_s: work / (time_s * row.point.cores),
        lambda row: (row.speedup_low / row.point.cores, row.speedup_high / row.point.cores),
    )
    axes.axhline(1.0, color=REFERENCE, linewidth=0.8, linestyle=":")
    line = axes.axhline(0.8, color=REFERENCE, linewidth=1.0, linestyle="-.", label="0.8")
    top = max(work / (time_s * row.point.cores) for row in summary.rows for time_s in row.values)
    axes.set_ylim(0.0, max(1.1, 1.05 * top))
    axes.set_ylabel("parallel efficiency")
    axes.set_title(title(summary, problem), loc="left")
    finish(axes, summary, line)
    return figure


def write(summary: Summary, problem: str, folder: Path) -> dict[str, str]:
    """PNG and SVG files of both plots; returns the SVG texts to put into a page."""
    texts = {}
    for name, make in (("time", time_plot), ("efficiency", efficiency_plot)):
        with plt.rc_context({**STYLE, "svg.hashsalt": name}):
            figure = make(summary, problem)
            figure.savefig(folder / f"{name}.png", dpi=160)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(figure)
        texts[name] = inline(
            (folder / f"{name}.svg").read_text(), name, f"{name} over cores, the numbers are in the table"
        )
    return texts


def inline(svg: str, prefix: str, label: str) -> str:
    """An SVG file as an element of a page: no prologue, and ids that no other plot on the page has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
