"""The residual of cg by iteration and the loss of train by step, from files of `--json` or `--output`.
Needs matplotlib."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import h5py
from matplotlib import pyplot as plt

from .common import Failure
from .study.style import legend, looks, paper

Read = Callable[[str], list[float]]  # an array of the file by its name, in HDF5 or in JSON


@dataclass(frozen=True)
class Series:
    label: str
    steps: list[float]
    values: list[float]
    few: bool = False  # with a marker for each value


def residuals(about: dict[str, Any], array: Read) -> Iterator[Series]:
    """|r| / |b| before the first and after each iteration."""
    config = about["config"]
    grid = " x ".join(str(n) for n in config["grid"]) if "grid" in config else Path(config["matrix"]).name
    values = array("residual_history")
    label = f"{grid}, {config['solver']}, {config['preconditioner']}"
    yield Series(label, [float(i) for i in range(len(values))], values)


def losses(about: dict[str, Any], array: Read) -> Iterator[Series]:
    """The loss of each batch, and that of the validation data now and then."""
    model = about["config"]["model"]
    values = array("loss_history")
    yield Series(f"{model}, batches", [float(i) for i in range(len(values))], values)
    yield Series(f"{model}, validation", array("validation_step"), array("validation_loss"), few=True)


@dataclass(frozen=True)
class Kind:
    app: str
    series: Callable[[dict[str, Any], Read], Iterator[Series]]
    x: str
    y: str
    logarithmic: bool


KINDS = {
    "residual": Kind("cg", residuals, "iteration", "|r| / |b|", logarithmic=True),
    "loss": Kind("train", losses, "step", "loss", logarithmic=False),
}


def read(kind: str, file: Path) -> list[Series]:
    """Raises Failure if the file holds no such history."""
    try:
        if h5py.is_hdf5(file):
            with h5py.File(file) as f:
                about = json.loads(f["tutti/provenance"].asstr()[()])
                found = list(KINDS[kind].series(about, lambda name: [float(v) for v in f[name][:]]))
        else:
            about = json.loads(file.read_text())
            found = list(KINDS[kind].series(about, lambda name: from_json(about, name)))
        if not found[0].values:
            raise ValueError("no steps")
        return found
    except (OSError, ValueError, TypeError, KeyError) as problem:
        what = f"no {kind} history of {KINDS[kind].app}"
        raise Failure(f"{file} has {what} ({type(problem).__name__}: {problem})") from None


def from_json(about: dict[str, Any], name: str) -> list[float]:
    if name in about:
        return [float.fromhex(v) for v in about[name]]
    group, _, member = name.partition("_")
    return [float(v) for v in about["series"][group][member]]


def plot(kind: str, files: list[Path], output: Path) -> list[Path]:
    """Writes `output` with the suffixes .png and .svg."""
    chosen = KINDS[kind]
    histories = [(file.name, one) for file in files for one in read(kind, file)]
    with plt.rc_context(paper("single")):
        figure, axes = plt.subplots(layout="constrained")
        for i, (name, series) in enumerate(histories):
            colour, dashes, marker = looks(i)
            axes.plot(
                series.steps,
                series.values,
                color=colour,
                linestyle=dashes,
                marker=marker if series.few else "",
                markersize=3.5,
                label=f"{name}: {series.label}",
            )
        if chosen.logarithmic:
            axes.set_yscale("log")
        axes.set_xlabel(chosen.x)
        axes.set_ylabel(chosen.y)
        axes.grid(True)
        legend(figure, axes.get_legend_handles_labels()[0])
        paths = [output.with_suffix(suffix) for suffix in (".png", ".svg")]
        for path in paths:
            figure.savefig(path)
        plt.close(figure)
    return paths


def verb(kind: str, files: list[str], output: str | None) -> int:
    first = Path(files[0])
    for path in plot(kind, [Path(f) for f in files], Path(output) if output else first.with_suffix("")):
        print(path)
    return 0
