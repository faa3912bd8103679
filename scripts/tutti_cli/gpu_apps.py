"""Whole mini-apps on the device: the host's results, and how fast they are beside what limits them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .gpu_report import Report, figure

APPS = ("heat", "cg", "train")
LIMIT_S = 100.0  # of one run
# GFLOP/s of HPCG's procedure for each GB/s, if the matrix comes from memory for each sweep
STREAMING = 0.156


@dataclass(frozen=True)
class Gpt:
    """The net that is measured; PyTorch measures the same."""

    layers: int = 4
    heads: int = 8
    width: int = 512
    context: int = 256
    batch: int = 32
    steps: int = 20

    def words(self) -> tuple[object, ...]:
        shape = ("--layers", self.layers, "--heads", self.heads, "--width", self.width)
        return ("--model", "gpt", *shape, "--context", self.context, "--batch", self.batch)

    def tokens(self) -> int:
        return self.batch * self.context


@dataclass(frozen=True)
class Sizes:
    heat: int = 512
    heat_steps: int = 100
    cg: int = 104
    cg_seconds: float = 5
    gpt: Gpt = field(default_factory=Gpt)


@dataclass(frozen=True)
class Apps:
    """Programs and where they run."""

    folder: Path
    threads: int  # of the host, for what the device has no body for
    device: str = "cuda"
    sizes: Sizes = field(default_factory=Sizes)

    def parts(self, report: Report) -> None:
        report.part("heat: results", lambda: self.heat_results(report))
        report.part("heat: speed", lambda: self.heat_speed(report))
        report.part("cg: results", lambda: self.cg_results(report))
        report.part("cg: speed", lambda: self.cg_speed(report))
        report.part("train: results", lambda: self.train_results(report))
        report.part("train: speed", lambda: self.train_speed(report))

    def run(self, report: Report, name: str, app: str, *words: object) -> dict[str, Any]:
        """The report of a run that verified its results."""
        folder = report.out / "apps"
        file = folder / f"{name}.json"
        file.unlink(missing_ok=True)
        command = (self.folder / app, *words, "--threads", self.threads, "--json", file)
        report.run(command, folder / f"{name}.log", LIMIT_S)
        return json.loads(file.read_text())

    def both(self, report: Report, name: str, app: str, *words: object) -> tuple[dict, dict]:
        """On the host and on the device."""
        host = self.run(report, f"{name}-host", app, *words)
        return host, self.run(report, f"{name}-device", app, *words, "--device", self.device)

    def same_bits(self, report: Report, what: str, key: str, both: tuple[dict, dict]) -> None:
        host, device = (found[key] for found in both)
        launches = both[1]["device_use"]["kernel_launches"]
        same = host == device and launches > 0
        detail = f"the host's {key.replace('_', ' ')}, {launches} launches" if same else "not the host's"
        report.check(f"{what} on the device", same, detail)

    # -- heat

    def heat_results(self, report: Report) -> None:
        few = ("--steps", 20, "--repeat", 1)
        heat = self.both(report, "heat", "heat", "--grid", "60,80,132", *few)
        self.same_bits(report, "heat", "checksum", heat)
        wave = ("--equation", "wave", "--order", 8, "--boundary", "periodic")
        found = self.both(report, "wave", "heat", "--grid", "48,64,96", *wave, *few)
        self.same_bits(report, "wave of order 8", "checksum", found)

    def heat_speed(self, report: Report) -> None:
        n, steps = self.sizes.heat, self.sizes.heat_steps
        words = ("--grid", n, "--steps", steps, "--repeat", 3, "--device", self.device)
        merits = merits_of(self.run(report, "heat-speed", "heat", *words))
        moved = 16e-9 * merits["cell_updates_per_s"]  # bytes of an update: one value read, one written
        bound = ("copy bandwidth", merits["copy_bandwidth_gb_s"])
        report.figures(figure(f"heat {n}^3, whole steps", moved, "GB/s", bound, 0.92))

    # -- cg

    def cg_results(self, report: Report) -> None:
        grid = ("--global", "--grid", "48,48,48", "--repeat", 1)
        key = "residual_history"
        self.same_bits(report, "cg with multigrid", key, self.both(report, "cg", "cg", *grid))
        other = ("--solver", "pipelined", "--preconditioner", "jacobi", "--format", "sell")
        found = self.both(report, "cg-pipelined", "cg", *grid, *other)
        self.same_bits(report, "pipelined cg", key, found)

    def cg_speed(self, report: Report) -> None:
        n = self.sizes.cg
        words = ("--grid", f"{n},{n},{n}", "--benchmark", "--benchmark-time", self.sizes.cg_seconds)
        merits = merits_of(self.run(report, "cg-speed", "cg", *words, "--device", self.device))
        rating, bound = merits["rating_gflops"], ("streaming", STREAMING * merits["triad_gb_s"])
        report.figures(figure(f"HPCG's procedure {n}^3: rating", rating, "GFLOP/s", bound, 0.9))

    # -- train

    def train_results(self, report: Report) -> None:
        gpt = Gpt(layers=2, heads=2, width=32, context=32, batch=16)
        words = (*gpt.words(), "--steps", 10, "--target-loss", 1000)
        host, device = self.both(report, "train", "train", *words)
        losses = [[float.fromhex(text) for text in found["loss_history"]] for found in (host, device)]
        far = max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True))
        detail = "the host's loss history" if far == 0 else f"losses differ by {far:.1e} at most"
        report.check("gpt on the device", far <= 1e-2, detail)

    def train_speed(self, report: Report) -> None:
        gpt = self.sizes.gpt
        often = ("--steps", gpt.steps, "--validate-every", 0, "--validation-batches", 1)
        words = (*gpt.words(), *often, "--target-loss", 1000, "--device", self.device)
        found = self.run(report, "train-speed", "train", *words)
        report.data["gpt_precision"] = os.environ.get("TUTTI_CUDA_PRODUCTS", "tf32")  # as gpu/nn/product.cpp
        report.figures(figure(OURS, merits_of(found)["tokens_per_s"], "tokens/s"))


OURS = "gpt step"


def merits_of(report: dict[str, Any]) -> dict[str, float]:
    return {merit["name"]: merit["value"] for merit in report["figures_of_merit"]}
