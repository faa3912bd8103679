"""What PyTorch reaches on the device: run by a Python that has it, prints figures as one JSON list."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from typing import Any


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


def measure(torch: Any) -> list[dict[str, object]]:  # noqa: ANN401
    source = torch.randn(1 << 27, dtype=torch.float64, device="cuda")
    target = torch.empty_like(source)
    s = seconds(torch, lambda: target.copy_(source))
    figures = [figure("PyTorch: device copy of 1 GiB", 2 * source.nbytes / s * 1e-9, "GB/s")]
    n = 8192
    for name, kind, tf32 in (("bf16", torch.bfloat16, False), ("TF32", torch.float32, True)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device="cuda").to(kind) for _ in range(2))
        s = seconds(torch, lambda a=a, b=b: a @ b)
        figures.append(figure(f"PyTorch: {name} {n}^3", 2 * n**3 / s * 1e-12, "TFLOP/s"))
    return figures


if __name__ == "__main__":
    import torch

    print(json.dumps(measure(torch)))
