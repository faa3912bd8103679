"""The POP factors as a stacked breakdown: what remains, and what each factor takes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .factors import BALANCE, COMMUNICATION, COMPUTATION, SCHEDULING, SERIALISATION, THREADS, TRANSFER
from .style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    SMALL,
    VERMILION,
    YELLOW,
    heading,
    legend,
    problem,
    width_in,
)
from .summary import Row, Summary
from .tables import MARK

BAR_IN = 0.115  # the narrowest bar that has room for a line of text across
GREY = "#BBBBBB"
# From the top; serialisation and transfer are what communication is made of. Hatches tell them apart in grey.
LOOKS = {
    COMPUTATION: (ORANGE, "//"),
    BALANCE[1]: (VERMILION, "\\\\"),
    COMMUNICATION[1]: (GREEN, ".."),
    SERIALISATION[1]: (PURPLE, "xx"),
    TRANSFER[1]: (SKY, "++"),
    THREADS[1]: (YELLOW, "||"),
    SCHEDULING[1]: (GREY, "--"),
}


def chosen(summary: Summary) -> list[Row]:
    """Rows with factors; of too many, the fastest layout for each series and number of workers, of the series
    with the highest rates."""
    rows = [row for row in summary.rows if row.factors]
    most = int((width_in() - 0.6) / BAR_IN)
    if len(rows) <= most:
        return rows
    best: dict[tuple[str, int], Row] = {}
    for row in sorted(rows, key=lambda row: -row.time_s.median):
        best[row.series, row.point.workers] = row
    kept: list[Row] = []
    for row in sorted(best.values(), key=lambda row: row.time_s.median / row.point.work):
        mine = [other for other in best.values() if other.series == row.series]
        if row not in kept and len(kept) + len(mine) <= most:
            kept += mine
    kept = kept or sorted(best.values(), key=lambda row: row.point.workers)[:most]
    return [row for row in rows if row in kept]


def factors(summary: Summary) -> Figure | None:
    rows = chosen(summary)
    if not rows:
        return None
    figure, axes = plt.subplots(layout="constrained")
    places, x = [], 0.0
    for number, row in enumerate(rows):
        x += 1.0 if number == 0 or row.series == rows[number - 1].series else 1.6
        places.append(x)
    room_in = (width_in() - 0.6) / (x + 0.6)  # of one bar
    remains = [row.factors.total for row in rows]
    handles = [Patch(facecolor=BLUE, edgecolor="white", label="global efficiency")]
    axes.bar(places, remains, 0.72, color=BLUE, edgecolor="white", linewidth=0.5)
    write_values(axes, places, remains, upright=room_in > 0.36)
    # The last factor lies on what remains, the first on top.
    heights = list(remains)
    for name in reversed(LOOKS):
        losses = [max(0.0, dict(row.factors.losses()).get(name, 0.0)) for row in rows]
        if not any(losses):
            continue
        colour, hatch = LOOKS[name]
        style = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
        axes.bar(places, losses, 0.72, bottom=heights, **style)
        handles.append(Patch(label=f"lost: {name}", **style))
        heights = [height + loss for height, loss in zip(heights, losses, strict=True)]
    axes.axhline(1.0, color=FAINT, linewidth=0.6, linestyle=":", zorder=0)
    names_below(axes, rows, places, room_in)
    axes.set_ylim(0.0, max(1.05, 1.02 * max(heights)))
    axes.set_ylabel("share of workers x time")
    some = f"{len(rows)} of {len(summary.rows)} points, " if len(rows) < len(summary.rows) else ""
    heading(axes, "Where the efficiency goes", some + problem(summary))
    legend(figure, handles[::-1])  # reads like the bars, from the top
    return figure


def write_values(axes: Axes, places: Sequence[float], remains: Sequence[float], *, upright: bool) -> None:
    """The global efficiency, in its bar; where that is narrow, not in those lower than the number."""
    for place, value in zip(places, remains, strict=True):
        if value < 0.25 and not upright:
            continue
        box = {"facecolor": BLUE, "edgecolor": "none", "pad": 0.8}  # where the bar is lower than its number
        axes.text(
            place,
            0.02,
            f"{value:.2f}",
            va="bottom",
            ha="center",
            rotation=0 if upright else 90,
            color="white",
            fontweight="bold",
            fontsize=SMALL,
            bbox=box if value < 0.1 else None,
        )


def names_below(axes: Axes, rows: Sequence[Row], places: Sequence[float], room_in: float) -> None:
    """Layouts under the bars, and under these the series."""
    names = [row.point.layout + (MARK if row.oversubscribed else "") for row in rows]
    level = max(map(len, names)) * 0.065 < room_in
    axes.tick_params(axis="x", length=0, labelcolor=INK)
    series = list(dict.fromkeys(row.series for row in rows))
    if len(series) == 1 and not series[0]:
        axes.set_xticks(places, names, rotation=0 if level else 90)
        return
    spans = {name: [p for p, row in zip(places, rows, strict=True) if row.series == name] for name in series}
    if any(len(name) * 0.07 > len(spans[name]) * room_in for name in series):  # no room beside each other
        names = [f"{row.series} {name}" for row, name in zip(rows, names, strict=True)]
        axes.set_xticks(places, names, rotation=90)
        axes.figure.set_figheight(axes.figure.get_figheight() + 0.055 * max(map(len, names)))
        return
    lines = 1 if level else max(map(len, names)) * 0.62
    axes.set_xticks(places, names, rotation=0 if level else 90)
    below = axes.secondary_xaxis(location=0)
    below.set_xticks(
        [sum(p) / len(p) for p in spans.values()], ["\n" * round(lines) + name for name in series]
    )
    below.tick_params(axis="x", length=0, labelcolor=INK)
    for label in below.get_xticklabels():
        label.set_fontweight("bold")
    below.spines["bottom"].set_visible(False)
