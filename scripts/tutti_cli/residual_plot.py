"""The residual of a solver by iteration, from files of `cg --json` or `cg --output`. Needs matplotlib."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import h5py
from matplotlib import pyplot as plt

from .common import Failure
from .study.style import DASHES, OTHERS, STYLE

NAME = "residual_history"


def read(file: Path) -> tuple[str, list[float]]:
    """What the file was measured on, and |r| / |b| before the first and after each iteration."""
    try:
        if h5py.is_hdf5(file):
            with h5py.File(file) as f:
                about = json.loads(f["tutti/provenance"].asstr()[()])
                values = [float(v) for v in f[NAME][:]]
        else:
            about = json.loads(file.read_text())
            values = [float.fromhex(v) for v in about[NAME]]
        if not values:
            raise ValueError("no iterations")
        return label(file, about), values
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise Failure(f"{file} has no residual history of cg ({type(problem).__name__}: {problem})") from None


def label(file: Path, about: dict[str, Any]) -> str:
    config = about["config"]
    grid = " x ".join(str(n) for n in config["grid"]) if "grid" in config else Path(config["matrix"]).name
    return f"{file.name}: {grid}, {config['solver']}, {config['preconditioner']}"


def plot(files: list[Path], output: Path) -> list[Path]:
    """Writes `output` with the suffixes .png and .svg."""
    histories = [read(file) for file in files]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
        for i, (name, values) in enumerate(histories):
            axes.semilogy(
                range(len(values)),
                values,
                color=OTHERS[i % len(OTHERS)],
                linestyle=DASHES[i % len(DASHES)],
                label=name,
            )
        axes.set_xlabel("iteration")
        axes.set_ylabel("|r| / |b|")
        axes.grid(True)
        axes.legend()
        paths = [output.with_suffix(suffix) for suffix in (".png", ".svg")]
        for path in paths:
            figure.savefig(path, dpi=150)
    plt.close(figure)
    return paths


def verb(files: list[str], output: str | None) -> int:
    first = Path(files[0])
    for path in plot([Path(f) for f in files], Path(output) if output else first.with_suffix("")):
        print(path)
    return 0
