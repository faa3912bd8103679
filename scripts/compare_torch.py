#!/usr/bin/env python3
"""Compares `train` with PyTorch on the CPU: same model, optimiser and batch, on as many threads.

    scripts/compare_torch.py build/release/bin/train --model gpt --threads 2
    scripts/compare_torch.py build/release/bin/train --model gpt --ranks 2    # PyTorch with two threads

Needs PyTorch in this Python; nothing of Tutti does. The two take turns, each in a process of its own, so that
neither's idle threads disturb the other. Printed are the medians over all rounds, and that of their ratios.
Exit status: 0 measured, 2 bad use, 3 no PyTorch, or a run that failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BYTES = 256  # the vocabulary of gpt
CLASSES = 10  # of the generated images
VALUES = 64  # of such an image for mlp
SIDE = 28  # of such an image for cnn


def torch_model(options: argparse.Namespace) -> Any:  # noqa: ANN401 (PyTorch may be missing)
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:  # noqa: ANN401
            n, context, width = x.shape
            parts = self.qkv(self.norm1(x)).reshape(n, context, 3, self.heads, width // self.heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, context, width))
            return x + self.narrow(functional.gelu(self.wide(self.norm2(x)), approximate="tanh"))

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(BYTES, options.width)
            self.position = nn.Embedding(options.context, options.width)
            blocks = [Block(options.width, options.heads) for _ in range(options.layers)]
            self.blocks, self.norm = nn.Sequential(*blocks), nn.LayerNorm(options.width)

        def forward(self, tokens: Any) -> Any:  # noqa: ANN401
            x = self.token(tokens) + self.position(torch.arange(options.context))
            return functional.linear(self.norm(self.blocks(x)), self.token.weight)

    if options.model == "gpt":
        return Gpt()
    if options.model == "cnn":
        return nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)),
        )
    layers: list[nn.Module] = []
    for i in range(options.layers):
        layers += [nn.Linear(VALUES if i == 0 else options.width, options.width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(options.width, CLASSES))


def measure_torch(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a step, the median after three to warm up; and the number of parameters."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(options.ranks * options.threads)
    torch.manual_seed(1)
    model = torch_model(options)
    if options.model == "gpt":
        optimiser: Any = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
        tokens = torch.randint(BYTES, (options.batch, options.context + 1))
        x, labels = tokens[:, :-1].contiguous(), tokens[:, 1:].reshape(-1)
    else:
        if options.model == "cnn":
            optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.0)
            x = torch.randn(options.batch, 1, SIDE, SIDE)
        else:
            optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
            x = torch.randn(options.batch, VALUES)
        labels = torch.randint(CLASSES, (options.batch,))
    times = []
    for _ in range(options.steps + 3):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        logits = model(x)
        functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    return {
        "step_s": statistics.median(times[3:]),
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }


def run_torch(options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, *sys.argv[1:], "--measure"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError("the run of PyTorch failed")
    return json.loads(done.stdout)


def run_tutti(options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        words = [
            *("--model", options.model, "--layers", options.layers, "--width", options.width),
            *("--batch", options.batch, "--shards", options.shards, "--threads", options.threads),
            *("--steps", options.steps, "--validate-every", 0, "--quiet", "--json", result),
            *("--target-loss", 1000),
        ]
        if options.model == "gpt":
            words += ["--heads", options.heads, "--context", options.context]
        ranks = ["mpirun", "-n", str(options.ranks)] if options.ranks > 1 else []
        command = [*ranks, options.train, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"train ended with status {done.returncode}: {done.stderr.strip()}")
        report = json.loads(result.read_text())
    return {
        "step_s": report["timings"]["iteration_s"]["median"],
        "parameters": float(report["config"]["parameters"]),
    }


def compare(options: argparse.Namespace) -> None:
    import torch

    rows = options.batch * (options.context if options.model == "gpt" else 1)
    unit = "tokens/s" if options.model == "gpt" else "samples/s"
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(options.rounds):
        order = [(run_tutti, ours), (run_torch, theirs)]
        found = {}
        for run, times in order if number % 2 == 0 else reversed(order):
            found[run] = run(options)
            times.append(found[run]["step_s"])
        if found[run_tutti]["parameters"] != found[run_torch]["parameters"]:
            raise RuntimeError("the two models have different numbers of parameters")
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    layout = f"{options.ranks} x {options.threads} threads"
    print(f"{options.model}, batch {options.batch}, {layout}, {options.rounds} rounds")
    print(f"  Tutti               {rows / statistics.median(ours):12.0f} {unit}")
    print(f"  PyTorch {torch.__version__:<11} {rows / statistics.median(theirs):12.0f} {unit}")
    print(f"  ratio               {statistics.median(ratios):12.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train against PyTorch on the CPU.")
    parser.add_argument("train", help="the program, build/release/bin/train")
    parser.add_argument("--model", choices=["gpt", "mlp", "cnn"], default="gpt")
    parser.add_argument("--layers", type=int, help="default: 4; mlp: 2 hidden ones")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--width", type=int, help="default: 128; mlp: 64")
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch", type=int, help="default: 8; mlp, cnn: 64")
    parser.add_argument("--shards", type=int, default=8, help="of Tutti; PyTorch takes the batch as a whole")
    parser.add_argument("--ranks", type=int, default=1, help="of Tutti, by mpirun; PyTorch is one process")
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    parser.add_argument("--steps", type=int, default=30, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    text = options.model == "gpt"
    options.layers = options.layers or (4 if text else 2)
    options.width = options.width or (128 if text else 64)
    options.batch = options.batch or (8 if text else 64)
    return options


def main() -> int:
    options = parse()
    if importlib.util.find_spec("torch") is None:
        print("compare_torch: error: this Python has no PyTorch; install it with pip", file=sys.stderr)
        return 3
    if options.measure:
        print(json.dumps(measure_torch(options)))
        return 0
    try:
        compare(options)
    except (RuntimeError, OSError, KeyError) as error:
        print(f"compare_torch: error: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
