"""Of a study that is not about scaling: one line of the plot for each point, the first on top."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from .model import NONE
from .plot_scaling import LAYOUTS, layout_of
from .style import LINE, bars, heading, look, problem, width_in
from .summary import Summary
from .tables import MARK, unit_of

MOST = 40  # points that stay legible


def times(summary: Summary) -> Figure | None:
    if summary.study.kind != NONE:
        return None
    fastest = sorted(summary.rows, key=lambda row: row.time_s.median / row.point.work)[:MOST]
    rows = [row for row in summary.rows if row in fastest][::-1]
    figure, axes = plt.subplots(figsize=(width_in(), max(1.8, 0.9 + 0.16 * len(rows))), layout="constrained")
    unit, unit_s = unit_of(rows)
    for place, row in enumerate(rows):
        colour, _, _ = look(summary, row)
        middle, low, high = (t / unit_s for t in (row.time_s.median, row.time_s.low, row.time_s.high))
        raw = [time_s / unit_s for time_s in row.values]
        axes.plot(raw, [place] * len(raw), ".", color=colour, alpha=0.35, markersize=2.5)
        axes.errorbar(
            [middle], [place], xerr=[[middle - low], [high - middle]], **bars(colour, LAYOUTS[layout_of(row)])
        )
    axes.set_yticks(
        range(len(rows)), [f"{row.label}{' ' + MARK if row.oversubscribed else ''}" for row in rows]
    )
    axes.set_xlim(0.0, None)
    axes.set_xlabel(f"{unit} per iteration")
    axes.grid(True, axis="x", linewidth=LINE / 2)
    some = f"the fastest {len(rows)} of {len(summary.rows)} points, " if len(rows) < len(summary.rows) else ""
    heading(axes, "Time per iteration", some + problem(summary))
    return figure
