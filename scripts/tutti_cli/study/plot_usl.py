"""Speed-up over workers with the fitted universal scalability law and its interval."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import usl
from .plot_scaling import logarithmic, workers_axis
from .style import FAINT, LINE, bars, heading, legend, letters, look, marks, problem
from .summary import Summary

MOST = 6  # series that stay legible


def label(one: usl.Fit) -> str:
    words = f"sigma {usl.number(one.sigma)}, kappa {usl.number(one.kappa)}"
    if math.isfinite(one.peak):
        words += f", peak at {usl.number(one.peak)}"
    return f"{one.series}: {words}" if one.series else words


def speedup(summary: Summary) -> Figure | None:
    found = summary.fits
    if not found:
        return None
    highest = sorted((one.rate for one in found), reverse=True)[:MOST]
    shown = [one for one in found if one.rate in highest]
    figure, axes = plt.subplots(layout="constrained")
    labels = {one.series: label(one) for one in shown}
    if max(map(len, labels.values())) > letters() - 8:
        labels = {name: name or "fit" for name in labels}  # the figures are in the table
    handles = []
    counts = sorted({row.point.workers for one in shown for row in one.rows})
    bases = {row.label: row for row in summary.rows}
    for one in shown:
        colour, dashes, marker = look(summary, one.rows[0])
        base = bases[one.rows[0].base]
        unit = base.point.work / base.time_s.median / base.point.workers
        x = np.geomspace(counts[0], counts[-1], 200)
        here, low, high = (rate / unit for rate in one.curve(x))
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(x, here, color=colour, linestyle=dashes, linewidth=LINE)
        middle = np.array([row.speedup for row in one.rows])
        beside = np.array([[row.speedup - row.low, row.high - row.speedup] for row in one.rows]).T
        axes.errorbar(
            [row.point.workers for row in one.rows],
            middle,
            yerr=np.maximum(0.0, beside),
            **bars(colour, marker),
        )
        handles.append(Line2D([], [], linestyle=dashes, label=labels[one.series], **marks(colour, marker)))
    axes.plot(counts, counts, ":", color=FAINT, zorder=1)
    handles.append(Line2D([], [], linestyle=":", color=FAINT, label="ideal"))
    logarithmic(axes)
    workers_axis(axes, counts)
    axes.set_ylabel("speed-up")
    some = f"{len(shown)} of {len(found)} series, " if len(shown) < len(found) else ""
    heading(axes, "Universal scalability law", some + problem(summary))
    legend(figure, handles)
    return figure
