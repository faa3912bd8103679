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

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; with markers beside.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
)
STYLE = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.titlesize": 10}


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
    with plt.rc_context(STYLE):
        made, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
        for (colour, marker), series in zip(LOOKS, result["series"]["efficiency"], strict=False):
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
                color=colour,
                marker=marker,
                markersize=5,
                label=label(series),
            )
        axes.axhline(0.5, color="#555555", linewidth=1, linestyle=":")
        axes.set_xscale("log")
        axes.set_ylim(0, None)
        axes.set_xlabel("granularity: wall time x workers / tasks (us)")
        axes.set_ylabel("efficiency: rate / peak rate")
        axes.set_title(title(result))
        axes.legend(title="METG(50 %)", loc="lower right", fontsize=8)
    return made


def plot(file: Path) -> list[Path]:
    """Writes a PNG and an SVG beside the file; returns their paths."""
    made = figure(read(file))
    paths = [file.with_suffix(".png"), file.with_suffix(".svg")]
    for path in paths:
        made.savefig(path, dpi=150)
    plt.close(made)
    return paths
