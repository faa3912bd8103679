"""Tasks against bulk: how much longer the other schedules take on the same layout."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .plot_scaling import shade, workers_axis
from .schedules import contests
from .style import FAINT, LINE, bars, heading, legend, looks, marks, problem
from .summary import Summary

MOST = 6  # series that stay legible


def schedules(summary: Summary) -> Figure | None:
    found = contests(summary)
    if not found:
        return None
    names = list(dict.fromkeys(one.series for one in found))
    shown = names[:MOST]
    figure, axes = plt.subplots(layout="constrained")
    counts = sorted({one.tasks.point.workers for one in found})
    handles = []
    for place, name in enumerate(shown):
        colour, dashes, marker = looks(place)
        mine = [one for one in found if one.series == name]
        best = {}  # the layout with which tasks are fastest, at each number of workers
        for one in sorted(mine, key=lambda one: (one.tasks.point.workers, -one.tasks.time_s.median)):
            best[one.tasks.point.workers] = one
        axes.plot(
            list(best),
            [one.times.value for one in best.values()],
            color=colour,
            linestyle=dashes,
            linewidth=LINE,
        )
        apart = 2.0 ** (0.05 * (place - (len(shown) - 1) / 2))
        axes.errorbar(
            [one.tasks.point.workers * apart for one in mine],
            [one.times.value for one in mine],
            yerr=[
                [one.times.value - one.times.low for one in mine],
                [one.times.high - one.times.value for one in mine],
            ],
            **bars(colour, marker),
        )
        handles.append(Line2D([], [], linestyle=dashes, label=f"{name} over tasks", **marks(colour, marker)))
    axes.axhline(1.0, color=FAINT, linestyle=":", zorder=1)
    handles.append(Line2D([], [], linestyle=":", color=FAINT, label="as fast as tasks"))
    workers_axis(axes, counts)
    handles += shade(axes, [one.tasks for one in found])
    axes.set_ylabel("time over that of tasks")
    some = f"{len(shown)} of {len(names)} series, " if len(shown) < len(names) else ""
    heading(axes, "Tasks against other schedules", some + problem(summary))
    legend(figure, handles)
    return figure
