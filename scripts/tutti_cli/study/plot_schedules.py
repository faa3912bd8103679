"""Tasks against bulk: how much longer the other schedules take on the same layout."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .plot_scaling import LAYOUTS, layout_marks, layout_of, shade, shifts, workers_axis
from .schedules import contests
from .style import FAINT, LINE, bars, heading, legend, looks, problem
from .summary import Summary

MOST = 6  # series that stay legible


def schedules(summary: Summary) -> Figure | None:
    found = contests(summary)
    if not found:
        return None
    names = list(dict.fromkeys(one.series for one in found))
    shown = names[:MOST]
    found = [one for one in found if one.series in shown]
    others = [one.other for one in found]
    shift = shifts(others)
    figure, axes = plt.subplots(layout="constrained")
    handles: list[Artist] = []
    for place, name in enumerate(shown):
        colour, dashes, _ = looks(place)
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
        for one in mine:
            axes.errorbar(
                [one.other.point.workers * shift[one.other.label]],
                [one.times.value],
                yerr=[[one.times.value - one.times.low], [one.times.high - one.times.value]],
                **bars(colour, LAYOUTS[layout_of(one.other)]),
            )
        handles.append(
            Line2D([], [], color=colour, linestyle=dashes, linewidth=LINE, label=f"{name} over tasks")
        )
    handles += layout_marks(others)
    axes.axhline(1.0, color=FAINT, linestyle=":", zorder=1)
    handles.append(Line2D([], [], linestyle=":", color=FAINT, label="as fast as tasks"))
    workers_axis(axes, sorted({row.point.workers for row in others}))
    handles += shade(axes, others)
    axes.set_ylabel("time over that of tasks")
    some = f"{len(shown)} of {len(names)} series, " if len(shown) < len(names) else ""
    heading(axes, "Tasks against other schedules", some + problem(summary))
    legend(figure, handles)
    return figure
