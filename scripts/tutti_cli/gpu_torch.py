"""What PyTorch reaches on the device: run by a Python that has it, prints each figure as one line of JSON.

    python3 -m tutti_cli.gpu_torch '{"layers": 4, "heads": 8, "width": 512, ...}' [float32|tf32|bf16]

The net is that of scripts/compare_torch.py, one step of training: as it is, and compiled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

COMPILED = "PyTorch compiled: gpt step"


def seconds(torch: Any, work: Callable[[], Any], repeats: int = 11) -> float:  # noqa: ANN401
    """Median of single calls between events, after three that warm up."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) * 1e-3)
    return statistics.median(times)


def figure(name: str, value: float, unit: str) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "bound_name": "", "bound": 0, "wanted": 0}


def basics(torch: Any) -> Iterator[dict[str, object]]:  # noqa: ANN401
    source = torch.randn(1 << 27, dtype=torch.float64, device="cuda")
    target = torch.empty_like(source)
    s = seconds(torch, lambda: target.copy_(source))
    yield figure("PyTorch: device copy of 1 GiB", 2 * source.nbytes / s * 1e-9, "GB/s")
    n = 8192
    for name, kind, tf32 in (("bf16", torch.bfloat16, False), ("TF32", torch.float32, True)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device="cuda").to(kind) for _ in range(2))
        s = seconds(torch, lambda a=a, b=b: a @ b)
        yield figure(f"PyTorch: {name} {n}^3", 2 * n**3 / s * 1e-12, "TFLOP/s")


def training_step(torch: Any, gpt: dict[str, int], precision: str, compiled: bool) -> Callable[[], Any]:  # noqa: ANN401
    """On the current default device: forward, backward and AdamW, parameters in float32."""
    import compare_torch

    torch.manual_seed(1)
    model = compare_torch.torch_model(argparse.Namespace(model="gpt", **gpt))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    if compiled:
        model = torch.compile(model)
    tokens = torch.randint(compare_torch.BYTES, (gpt["batch"], gpt["context"] + 1))
    x, labels = tokens[:, :-1].contiguous(), tokens[:, 1:].reshape(-1)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        lower = torch.autocast(tokens.device.type, torch.bfloat16) if precision == "bf16" else None
        with lower or contextlib.nullcontext():
            logits = model(x)
            loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels)
        loss.backward()
        optimiser.step()

    return step


def nets(torch: Any, gpt: dict[str, int], precision: str) -> Iterator[dict[str, object]]:  # noqa: ANN401
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    for name, compiled in (("PyTorch eager: gpt step", False), (COMPILED, True)):
        s = seconds(torch, training_step(torch, gpt, precision, compiled))
        yield figure(name, gpt["batch"] * gpt["context"] / s, "tokens/s")


def main(words: list[str]) -> None:
    import torch

    for found in basics(torch):
        print(json.dumps(found), flush=True)
    if words:
        for found in nets(torch, json.loads(words[0]), *words[1:]):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
