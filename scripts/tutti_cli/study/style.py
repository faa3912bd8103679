"""What all plots share: sizes, colours, fonts, titles, legends.

A figure has the width of one or two columns of a journal, and its text is 7 points or more at that size.
Series differ in colour, dashes and marker, so they can be told apart with any kind of colour vision, and in
grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .summary import Row, Summary

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
MARKERS = "osD^vP*X"
SCHEDULES = ("tasks", "bulk", "kokkos")  # look the same in every study
INK, FAINT, GRID = "#222222", "#666666", "#e3e3e3"

WIDTHS_MM = {"single": 88.0, "double": 180.0}
HEIGHT_MM = 64.0  # without the legend
LEGEND_LINE_MM = 3.4
SMALL, TEXT, TITLE = 7.0, 7.5, 8.5  # points
LINE = 1.2

STYLE = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # text stays text
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "font.size": TEXT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "lines.linewidth": LINE,
    "hatch.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.borderpad": 0.0,
    "legend.labelspacing": 0.3,
    "savefig.dpi": 300,
}


def paper(size: str) -> dict[str, Any]:
    """Matplotlib's settings for figures of that width, a key of WIDTHS_MM."""
    return {**STYLE, "figure.figsize": (WIDTHS_MM[size] / 25.4, HEIGHT_MM / 25.4)}


def width_in() -> float:
    return float(plt.rcParams["figure.figsize"][0])


def letters() -> int:
    """Of small text that fit the width of a figure, about."""
    return int(72.0 * width_in() / (0.5 * SMALL))


def look(summary: Summary, row: Row) -> tuple[str, object, str]:
    """Colour, dashes and marker of a row's series; those of a schedule are the same in every study."""
    names = summary.series
    if len({other.point.schedule for other in summary.rows}) == len(names):
        schedule = row.point.schedule
        return looks(SCHEDULES.index(schedule) if schedule in SCHEDULES else len(SCHEDULES))
    return looks(names.index(row.series))


def looks(place: int) -> tuple[str, object, str]:
    return COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)]


def marks(colour: str, marker: str) -> dict[str, Any]:
    """A marker that stands before lines and bars of its colour."""
    return {
        "color": colour,
        "marker": marker,
        "markersize": 4.5,
        "markerfacecolor": "white",
        "markeredgewidth": 1.1,
    }


def bars(colour: str, marker: str) -> dict[str, Any]:
    """Markers with the bars of their intervals, without a line."""
    return {**marks(colour, marker), "linestyle": "", "capsize": 2.0, "elinewidth": 0.9, "zorder": 3}


def heading(axes: Axes, title: str, below: str) -> None:
    """What is drawn in bold, and of what in a line below it. Both begin at the figure's left edge."""
    longest = letters() - 2
    below = below if len(below) <= longest else below[: longest - 3] + "..."
    figure = axes.figure
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=TITLE, fontweight="bold", linespacing=1.5)
    place = {"xycoords": "figure fraction", "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(below, (0.01, 1.0), (0.0, -23.0), fontsize=SMALL, color=FAINT, **place).set_in_layout(False)


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Below the axes, in as many columns as fit; the figure grows by it."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(4, len(handles), letters() // (longest + 8)))
    lines = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + (lines * LEGEND_LINE_MM + 1.0) / 25.4)
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, columnspacing=1.2)


def problem(summary: Summary) -> str:
    """The app and what is the same at all points, in one line."""
    fixed: Mapping[str, str] = summary.study.fixed()
    words = ", ".join(f"{name} {text}" for name, text in fixed.items() if name != "repeat")
    app = summary.study.app.rsplit("/", 1)[-1]
    return f"{app}: {words}" if words else app
