"""The plots of a study as PNG and SVG files, and as elements of a page. Needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from . import plot_factors, plot_roofline, plot_scaling
from .style import STYLE
from .summary import Summary

Make = Callable[[Summary], Figure | None]  # None where the study has nothing to draw
PLOTS: dict[str, tuple[Make, str]] = {
    "time": (plot_scaling.time, "time per iteration of each point"),
    "efficiency": (plot_scaling.efficiency, "efficiency over workers"),
    "factors": (plot_factors.factors, "where the efficiency is lost, by POP factor"),
    "roofline": (plot_roofline.roofline, "operations under the roofline"),
}


def write(summary: Summary, folder: Path) -> dict[str, str]:
    """PNG and SVG files of all plots; returns the SVG texts to put into a page. Plots of an earlier report
    that this one does not have are removed."""
    texts = {}
    for name, (make, label) in PLOTS.items():
        png, svg = folder / f"{name}.png", folder / f"{name}.svg"
        with plt.rc_context({**STYLE, "svg.hashsalt": name}):
            figure = make(summary)
            if figure is None:
                png.unlink(missing_ok=True)
                svg.unlink(missing_ok=True)
                continue
            figure.savefig(png, dpi=200)
            figure.savefig(svg, metadata={"Date": None})
            plt.close(figure)
        texts[name] = inline(svg.read_text(), name, f"{label}; the numbers are in the tables")
    return texts


def inline(svg: str, prefix: str, label: str) -> str:
    """An SVG file as an element of a page: no prologue, and ids that no other plot on the page has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
