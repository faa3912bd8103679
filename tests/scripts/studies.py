"""Studies of the stand-in for heat, and stores without any run."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fake_heat import result_of, step_s_of

from tutti_cli.study import toml_file
from tutti_cli.study.model import Point
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


def cells_of(point: Point) -> int:
    return math.prod(dict(point.options)["grid"])


def synthetic(
    folder: Path,
    text: str,
    *,
    repeats: int = 6,
    cores: int = 1 << 20,
    seed: int = 1,
    step_s: Callable[[Point, random.Random], float] | None = None,
) -> Store:
    """A store whose runs have whole results, as the stand-in writes them; step_s invents the times."""
    study = toml_file.parse(text.replace("{app}", "heat").replace("{initial}", str(repeats)), "s.toml")
    kept = Store(folder / NAME, study, [])
    kept.describe()
    generator = random.Random(seed)
    runs = []
    for number, point in enumerate(study.points):
        cells = cells_of(point)
        for repeat in range(1, repeats + 1):
            if step_s:
                time_s = step_s(point, generator)
            else:
                time_s = step_s_of(point.workers, point.schedule, cells, generator)
            result = result_of(point.ranks, point.threads, point.schedule, cells, time_s)
            over = point.workers > cores
            one = run(number, repeat, time_s, str(result["checksum"]))
            runs.append(replace(one, cores=cores, oversubscribed=over, result=json.dumps(result)))
    kept.add(*runs)
    return kept
