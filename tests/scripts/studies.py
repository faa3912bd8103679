"""Studies of the stand-in for heat, and stores without any run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from tutti_cli.study import toml_file
from tutti_cli.study.store import NAME, Run, Store

FAKE = Path(__file__).parent / "fake_heat.py"
STRONG = """kind = "strong"
app = "{app}"
[arguments]
grid = [64, 64, 64]
steps = 10
[axes]
ranks = [1, 2]
schedule = ["tasks", "bulk"]
[repeats]
initial = {initial}
"""


def study_file(folder: Path, text: str = STRONG, initial: int = 2) -> Path:
    """Writes a study of the stand-in."""
    file = folder / "s.toml"
    file.write_text(text.replace("{app}", str(FAKE)).replace("{initial}", str(initial)))
    return file


def run(point: int, repeat: int, time_s: float, checksum: str = "0x1", passed: bool = True) -> Run:
    result = {"git_commit": "1", "machine": {"cpu_model": "x"}, "ranks": 1, "threads_per_rank": 1}
    return Run(
        point=point,
        repeat=repeat,
        started="2026-01-02T03:04:05.678+00:00",
        wall_s=1.0,
        time_s=time_s,
        status=0 if passed else 1,
        failed=False,
        verified=passed,
        cores=2,
        oversubscribed=False,
        checksum=checksum,
        message="",
        command="heat",
        result=json.dumps(result),
    )


def failure(point: int, message: str) -> Run:
    return replace(run(point, 0, math.nan, ""), failed=True, verified=False, message=message, result="")


def store(folder: Path, text: str, times: dict[int, list[float]]) -> Store:
    """A store with these times of its points, kept in the folder."""
    study = toml_file.parse(text.replace("{app}", "heat").replace("{initial}", "2"), "s.toml")
    kept = Store(folder / NAME, study, [])
    kept.describe()
    for point, values in times.items():
        for repeat, time_s in enumerate(values, 1):
            kept.add(run(point, repeat, time_s))
    return kept
