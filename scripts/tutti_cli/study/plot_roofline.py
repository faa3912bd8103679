"""The operations of one run under the roofline that was measured in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from .factors import efficiency, numbers
from .style import FAINT, INK, LINE, MARKERS, SMALL, heading, legend, looks
from .summary import Row, Summary


def operations(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """By the time that they take; rates are null where a kernel declares no cost."""
    found = efficiency(result).get("operations")
    timed = [
        one
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, Mapping) and all(is_number(one.get(key)) for key in ("calls", "time_s", "share"))
    ]
    return sorted(timed, key=lambda one: -one["time_s"])


def is_number(value: object) -> bool:
    return isinstance(value, int | float)


def shown(summary: Summary) -> Row | None:
    """The fastest point where that has a roofline, else the first that has one."""
    rows = [summary.fastest, *summary.rows]
    return next((row for row in rows if len(numbers(row.result, "roofline")) == 2), None)


def roofline(summary: Summary) -> Figure | None:
    row = shown(summary)
    if row is None:
        return None
    known = [one for one in operations(row.result) if is_number(one.get("gflops"))]
    drawn = [one for one in known if one["gflops"] > 0 and one["intensity"] > 0]
    if not drawn:
        return None
    roof = numbers(row.result, "roofline")
    peak, bandwidth = roof["peak_gflops"], roof["bandwidth_gb_s"]
    ridge = peak / bandwidth
    intensities = [one["intensity"] for one in drawn]
    left, right = min(*intensities, ridge) / 8, max(*intensities, ridge) * 8

    figure, axes = plt.subplots(layout="constrained")
    axes.plot([left, ridge, right], [left * bandwidth, peak, peak], color=INK, linewidth=LINE)
    axes.fill_between([left, ridge, right], [left * bandwidth, peak, peak], 1e-9, color="#f6f6f6", zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for number, one in enumerate(drawn):
        axes.plot(
            [one["intensity"]],
            [one["gflops"]],
            linestyle="",
            marker=MARKERS[number % len(MARKERS)],
            markersize=4 + 6 * min(1.0, one["share"]),
            color=looks(number)[0],
            label=f"{one['name']}, {100 * one['share']:.0f} % of the time",
        )
    lowest = min(min(one["gflops"] for one in drawn), left * bandwidth)
    axes.set_xlim(left, right)
    axes.set_ylim(lowest / 2, peak * 2.5)
    words = {"fontsize": SMALL, "color": FAINT, "textcoords": "offset points"}
    axes.annotate(f"{peak:.3g} GFLOP/s", (right, peak), (-4, 5), ha="right", **words)
    axes.annotate(
        f"{bandwidth:.3g} GB/s",
        ((left * ridge) ** 0.5, (left * ridge) ** 0.5 * bandwidth),
        (-6, 6),
        ha="right",
        **words,
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("flops per byte")
    axes.set_ylabel("GFLOP/s, all workers")
    axes.grid(True, which="major")
    heading(
        axes, "Operations under the roofline", f"{row.label}, peak and bandwidth measured in the same run"
    )
    legend(figure, axes.get_legend_handles_labels()[0])
    return figure
