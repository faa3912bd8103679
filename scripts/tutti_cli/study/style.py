"""What all plots share: colours, fonts, titles."""

from __future__ import annotations

from matplotlib.axes import Axes

from .summary import Row, Summary

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
SCHEDULES = {"tasks": BLUE, "bulk": VERMILION, "kokkos": GREEN}
OTHERS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
INK, FAINT, GRID = "#222222", "#666666", "#e3e3e3"
SIZE = (4.9, 3.8)  # inches

STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
}


def series(summary: Summary) -> list[str]:
    return list(dict.fromkeys(row.series for row in summary.rows))


def look(summary: Summary, row: Row) -> tuple[str, object]:
    """Colour and dashes of a row's series; those of a schedule are the same in every study."""
    names = series(summary)
    place = names.index(row.series)
    if len({other.point.schedule for other in summary.rows}) == len(names):
        schedule = row.point.schedule
        return SCHEDULES.get(schedule, PURPLE), "-" if schedule == "tasks" else "--"
    return OTHERS[place % len(OTHERS)], DASHES[place % len(DASHES)]


def heading(axes: Axes, title: str, below: str) -> None:
    """What is drawn in bold, and of what in a line below it."""
    axes.set_title(title + "\n", loc="left", fontsize=11, fontweight="bold")
    axes.annotate(
        below,
        (0.0, 1.0),
        (0.0, 7.0),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=FAINT,
    )


def problem(summary: Summary, longest: int = 78) -> str:
    """The app and what is the same at all points, in one line."""
    fixed = ", ".join(f"{name} {text}" for name, text in summary.study.fixed().items() if name != "repeat")
    text = f"{summary.study.app.rsplit('/', 1)[-1]}: {fixed}" if fixed else summary.study.app
    return text if len(text) <= longest else text[: longest - 3] + "..."
