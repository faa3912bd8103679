"""The plots of a study as PNG, SVG and PDF files, and as elements of a page. Needs matplotlib.

The files depend on the study alone: they hold no date, and what is random has a seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from . import plot_factors, plot_metg, plot_roofline, plot_scaling, plot_schedules, plot_times, plot_usl
from .style import paper
from .summary import Summary

Make = Callable[[Summary], Figure | None]  # None where the study has nothing to draw
PLOTS: dict[str, tuple[Make, str]] = {
    "time": (plot_scaling.time, "time per iteration over workers"),
    "times": (plot_times.times, "time per iteration of each point"),
    "metg": (plot_metg.metg, "smallest task at half of the peak"),
    "efficiency": (plot_scaling.efficiency, "efficiency over workers"),
    "speedup": (plot_usl.speedup, "speed-up and the universal scalability law"),
    "schedules": (plot_schedules.schedules, "time of other schedules over that of tasks"),
    "factors": (plot_factors.factors, "where the efficiency is lost, by POP factor"),
    "roofline": (plot_roofline.roofline, "operations under the roofline"),
}


# What each kind of file needs to come out the same every time.
FILES: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def write(summary: Summary, folder: Path, size: str = "single") -> dict[str, str]:
    """Files of all plots, as wide as one or two columns of a journal (style.WIDTHS_MM); returns the SVG texts
    to put into a page. Plots of an earlier report that this one does not have are removed."""
    texts = {}
    for name, (make, label) in PLOTS.items():
        files = {kind: folder / f"{name}.{kind}" for kind in FILES}
        with plt.rc_context({**paper(size), "svg.hashsalt": name}):
            figure = make(summary)
            if figure is None:
                for file in files.values():
                    file.unlink(missing_ok=True)
                continue
            figure.draw_without_rendering()
            figure.set_layout_engine(None)  # it is laid out; not again for each file
            for kind, file in files.items():
                figure.savefig(file, metadata=FILES[kind])
            plt.close(figure)
        texts[name] = inline(files["svg"].read_text(), name, f"{label}; the numbers are in the tables")
    return texts


def inline(svg: str, prefix: str, label: str) -> str:
    """An SVG file as an element of a page: no prologue, and ids that no other plot on the page has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
