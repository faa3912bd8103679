"""Efficiency against granularity, from the JSON of `metg --sweep`. Needs matplotlib."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from .common import Failure
from .study.style import FAINT, TEXT, looks, marks, paper

HEIGHT_IN = 4.2


def read(file: Path) -> dict[str, Any]:
    """The result, refused with one line where it is none of a sweep."""
    try:
        result = json.loads(file.read_text())
        if not all(s["points"] and s["metg50_us"]["median"] > 0 for s in result["series"]["efficiency"]):
            raise ValueError("a system without points")
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise Failure(f"{file} is no result of metg --sweep ({type(problem).__name__}: {problem})") from None
    return result


def label(series: dict[str, Any]) -> str:
    metg = series["metg50_us"]
    sign = {"found": "", "at_most": "< ", "at_least": "> "}[metg["is"]]
    return f"{series['system']} ({series['workers']:.0f} workers): {sign}{metg['median']:.3g} us"


def title(result: dict[str, Any]) -> str:
    config = result["config"]
    layout = f"{result['ranks']} ranks x {result['threads_per_rank']} threads"
    checked = "" if config["checked"] else ", inputs not checked"
    return (
        f"{config['pattern']}, {config['width']} tasks a step, {config['graphs']} graphs, {config['kernel']},"
        f" {config['output_bytes']} bytes{checked}\n{layout}, {result['machine']['cpu_model']}"
    )


def figure(result: dict[str, Any]) -> Figure:
    """Medians with lines, the single repeats faintly, and the level of one half."""
    with plt.rc_context(paper("double")):
        made, axes = plt.subplots(layout="constrained")
        made.set_figheight(HEIGHT_IN)
        for place, series in enumerate(result["series"]["efficiency"]):
            colour, dashes, marker = looks(place)
            points = sorted(series["points"], key=lambda p: p["granularity_us"])
            for one_round in series["rounds"]:
                axes.plot(
                    [p["granularity_us"] for p in one_round],
                    [p["efficiency"] for p in one_round],
                    marker,
                    color=colour,
                    alpha=0.2,
                    markersize=3,
                )
            axes.plot(
                [p["granularity_us"] for p in points],
                [p["efficiency"] for p in points],
                linestyle=dashes,
                label=label(series),
                **marks(colour, marker),
            )
        axes.axhline(0.5, color=FAINT, linestyle=":")
        axes.set_xscale("log")
        axes.set_ylim(0, None)
        axes.set_xlabel("granularity: wall time x workers / tasks (us)")
        axes.set_ylabel("efficiency: rate / peak rate")
        axes.set_title(title(result), fontsize=TEXT)
        axes.legend(title="METG(50 %)", loc="lower right", frameon=True)
    return made


def plot(file: Path) -> list[Path]:
    """Writes a PNG and an SVG beside the file; returns their paths."""
    made = figure(read(file))
    paths = [file.with_suffix(".png"), file.with_suffix(".svg")]
    for path in paths:
        made.savefig(path)
    plt.close(made)
    return paths
