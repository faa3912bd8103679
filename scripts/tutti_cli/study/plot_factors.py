"""The POP factors as a stacked breakdown: what remains, and what each factor takes."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from .factors import BALANCE, COMMUNICATION, COMPUTATION, SCHEDULING, SERIALISATION, THREADS, TRANSFER
from .style import BLUE, FAINT, GREEN, ORANGE, PURPLE, SIZE, SKY, VERMILION, YELLOW, heading, problem
from .summary import Row, Summary
from .tables import MARK

MOST = 24  # bars that stay legible
GREY = "#BBBBBB"
# From the top; serialisation and transfer are what communication is made of.
LOOKS = {
    COMPUTATION: ORANGE,
    BALANCE[1]: VERMILION,
    COMMUNICATION[1]: GREEN,
    SERIALISATION[1]: PURPLE,
    TRANSFER[1]: SKY,
    THREADS[1]: YELLOW,
    SCHEDULING[1]: GREY,
}


def chosen(summary: Summary) -> list[Row]:
    """Rows with factors; of too many, the fastest layout for each series and number of workers."""
    rows = [row for row in summary.rows if row.factors]
    if len(rows) <= MOST:
        return rows
    best: dict[tuple[str, int], Row] = {}
    for row in sorted(rows, key=lambda row: -row.time_s.median):
        best[row.series, row.point.workers] = row
    return [row for row in rows if row in best.values()][:MOST]


def factors(summary: Summary) -> Figure | None:
    rows = chosen(summary)
    if not rows:
        return None
    width = max(SIZE[0], 1.6 + 0.36 * len(rows))
    figure, axes = plt.subplots(figsize=(width, SIZE[1]), layout="constrained")
    few = len(rows) <= 12
    places, x = [], 0.0
    for number, row in enumerate(rows):
        x += 1.0 if number == 0 or row.series == rows[number - 1].series else 1.6
        places.append(x)
    remains = [row.factors.total for row in rows]
    axes.bar(places, remains, 0.72, color=BLUE, edgecolor="white", linewidth=0.6, label="global efficiency")
    for place, value in zip(places, remains, strict=True):
        text = {"ha": "center", "color": "white", "fontweight": "bold", "fontsize": 8.5 if few else 7}
        box = {"facecolor": BLUE, "edgecolor": "none", "pad": 1.5}  # where the bar is lower than its number
        axes.text(
            place,
            max(0.015, value / 2 - 0.03),
            f"{value:.2f}",
            va="bottom",
            bbox=box if value < 0.08 else None,
            **text,
        )
    # The last factor lies on what remains, the first on top.
    heights = list(remains)
    for name in reversed(LOOKS):
        losses = [max(0.0, dict(row.factors.losses()).get(name, 0.0)) for row in rows]
        if not any(losses):
            continue
        style = {"color": LOOKS[name], "edgecolor": "white", "linewidth": 0.5}
        axes.bar(places, losses, 0.72, bottom=heights, label=f"lost: {name}", **style)
        heights = [height + loss for height, loss in zip(heights, losses, strict=True)]
    axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    names = [row.point.layout + (MARK if row.oversubscribed else "") for row in rows]
    axes.set_xticks(places, names, rotation=0 if few else 60)
    axes.tick_params(axis="x", length=0)
    for name in dict.fromkeys(row.series for row in rows):
        mine = [place for place, row in zip(places, rows, strict=True) if row.series == name]
        label = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center"}
        lower = -28 if few else -44
        axes.annotate(name, (sum(mine) / len(mine), 0.0), (0, lower), fontsize=9, fontweight="bold", **label)
    axes.set_ylim(0.0, max(1.05, 1.02 * max(heights)))
    axes.set_ylabel("share of workers x time")
    some = f" ({len(rows)} of {len(summary.rows)} points)" if len(rows) < len(summary.rows) else ""
    heading(axes, "Where the efficiency goes", problem(summary) + some)
    bars, labels = axes.get_legend_handles_labels()
    # A legend reads like the bars, from the top.
    figure.legend(
        bars[::-1],
        labels[::-1],
        loc="outside right center" if width > 8 else "outside lower center",
        ncols=1 if width > 8 else 2,
    )
    return figure
