"""METG(50 %) over nodes, or over workers where all points have as many nodes."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..statistics import Estimate, estimate
from .metg import systems
from .model import METG
from .plot_scaling import logarithmic, shade, workers_axis
from .style import LINE, bars, heading, legend, looks, marks, problem
from .summary import Row, Summary

MOST = 7  # lines that stay legible


def lines(summary: Summary) -> dict[str, list[tuple[Row, Estimate]]]:
    """Of each series and system the points, with METG in seconds."""
    found: dict[str, list[tuple[Row, Estimate]]] = {}
    for row in summary.rows:
        for system, values in systems(row.runs).items():
            found.setdefault(" ".join(filter(None, (row.series, system))), []).append((row, estimate(values)))
    return found


def metg(summary: Summary) -> Figure | None:
    if summary.study.kind != METG:
        return None
    found = lines(summary)
    shown = dict(list(found.items())[:MOST])
    by_node = len({row.nodes for row in summary.rows}) > 1
    figure, axes = plt.subplots(layout="constrained")
    handles = []
    for place, (name, points) in enumerate(shown.items()):
        colour, dashes, marker = looks(place)
        place_of: Mapping[str, int] = {
            row.label: row.nodes if by_node else row.point.workers for row, _ in points
        }
        best = {}
        for row, value in sorted(points, key=lambda one: (place_of[one[0].label], -one[1].median)):
            best[place_of[row.label]] = value.median * 1e6
        axes.plot(list(best), list(best.values()), color=colour, linestyle=dashes, linewidth=LINE)
        apart = 2.0 ** (0.03 * (place - (len(shown) - 1) / 2))
        axes.errorbar(
            [place_of[row.label] * apart for row, _ in points],
            [value.median * 1e6 for _, value in points],
            yerr=[
                [(value.median - value.low) * 1e6 for _, value in points],
                [(value.high - value.median) * 1e6 for _, value in points],
            ],
            **bars(colour, marker),
        )
        handles.append(Line2D([], [], linestyle=dashes, label=name, **marks(colour, marker)))
    logarithmic(axes)
    counts = sorted({row.nodes if by_node else row.point.workers for row in summary.rows})
    workers_axis(axes, counts, "nodes" if by_node else "workers (ranks x threads)")
    if not by_node:
        handles += shade(axes, summary.rows)
    axes.set_ylabel("METG(50 %), us")
    some = f"{len(shown)} of {len(found)} lines, " if len(shown) < len(found) else ""
    heading(axes, "Smallest task at half of the peak, METG(50 %)", some + problem(summary))
    legend(figure, handles)
    return figure
