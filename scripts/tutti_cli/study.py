"""A study: points, repeats of them in a shuffled order, and their results as plain data."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import launch
from .common import FAILED, ROOT, Failure
from .process import execute


@dataclass(frozen=True)
class Point:
    """One configuration that is measured."""

    schedule: str
    ranks: int
    threads: int

    @property
    def cores(self) -> int:
        return self.ranks * self.threads

    @property
    def layout(self) -> str:
        return f"{self.ranks}x{self.threads}"

    @property
    def key(self) -> str:
        return f"{self.schedule}-{self.layout}"


@dataclass(frozen=True)
class App:
    """What is run at every point; the problem is in the arguments, the layout is not."""

    program: Path
    arguments: tuple[str, ...]
    mpi: bool

    @property
    def name(self) -> str:
        return self.program.name


@dataclass(frozen=True)
class Repeat:
    point: Point
    number: int  # from 1
    order: int  # place among all runs of the study, from 1
    wall_s: float
    file: str  # the app's own JSON, relative to the study's folder
    command: str
    result: dict[str, Any]

    @property
    def time_s(self) -> float:
        return float(self.result["timings"]["iteration_s"]["median"])

    @property
    def checksum(self) -> str:
        return str(self.result["checksum"])

    @property
    def verified(self) -> bool:
        checks = self.result["verification"]
        return bool(checks) and all(check["passed"] for check in checks)


def order(points: Sequence[Point], repeats: int, seed: int) -> list[tuple[Point, int]]:
    """Rounds of all points, each round shuffled, so that a slow spell of the machine hits all alike."""
    generator = random.Random(seed)
    runs: list[tuple[Point, int]] = []
    for number in range(1, repeats + 1):
        one_round = list(points)
        generator.shuffle(one_round)
        runs += [(point, number) for point in one_round]
    return runs


def run_one(app: App, point: Point, host: launch.Host, file: Path, timeout_s: float) -> Repeat:
    """One run; a failed verification is a result, anything else that goes wrong is a Failure."""
    arguments = [*app.arguments, "--threads", str(point.threads), "--schedule", point.schedule]
    arguments += ["--json", str(file), "--quiet"]
    command = launch.plan(str(app.program), arguments, point.ranks, point.threads, host, mpi=app.mpi)
    file.unlink(missing_ok=True)
    start = time.monotonic()
    outcome = execute(command, app.name, quiet=True, timeout_s=timeout_s)
    wall_s = time.monotonic() - start
    if outcome.status not in (0, FAILED) or (outcome.status == FAILED and not file.is_file()):
        what = outcome.message or f"{app.name} ended with status {outcome.status}"
        raise Failure(f"{point.key}: {what}\n  $ {command.shown()}", outcome.status)
    shown = command.shown().replace(f"{ROOT}/", "")  # as seen from the repository's root
    return Repeat(point, 1, 1, wall_s, file.name, shown, read_result(file, point))


def read_result(file: Path, point: Point) -> dict[str, Any]:
    """The app's JSON, refused with one line where a key that is used later is missing or odd."""
    try:
        result = json.loads(file.read_text())
        time_s = float(result["timings"]["iteration_s"]["median"])
        for check in result["verification"]:
            if not isinstance(check["passed"], bool):
                raise ValueError("verification.passed is not true or false")
        if not isinstance(result["checksum"], str) or not time_s > 0.0:
            raise ValueError("checksum is no string or iteration_s is not positive")
    except (OSError, ValueError, TypeError, KeyError) as problem:
        why = f"no key {problem}" if isinstance(problem, KeyError) else str(problem)
        raise Failure(f"{point.key}: the result {file} cannot be used: {why}") from problem
    return result


def run(
    app: App,
    points: Sequence[Point],
    repeats: int,
    seed: int,
    host: launch.Host,
    folder: Path,
    *,
    timeout_s: float,
    progress: Callable[[int, int, Point, int], None],
) -> list[Repeat]:
    """All runs one after another; each result stays in folder/raw as the app wrote it."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for old in raw.glob("*.json"):
        old.unlink()
    done: list[Repeat] = []
    runs = order(points, repeats, seed)
    for place, (point, number) in enumerate(runs, 1):
        progress(place - 1, len(runs), point, number)
        file = raw / f"{point.key}-{number:02d}.json"
        one = run_one(app, point, host, file, timeout_s)
        done.append(Repeat(point, number, place, one.wall_s, f"raw/{file.name}", one.command, one.result))
    progress(len(runs), len(runs), runs[-1][0], repeats)
    return done


def save(repeats: Sequence[Repeat], settings: dict[str, Any], folder: Path) -> None:
    """study.json: the settings, and of each run its place, command line and file."""
    runs = [
        {
            "point": one.point.key,
            "repeat": one.number,
            "order": one.order,
            "wall_s": round(one.wall_s, 3),
            "file": one.file,
            "command": one.command,
        }
        for one in repeats
    ]
    text = json.dumps({"settings": settings, "runs": runs}, indent=1)
    (folder / "study.json").write_text(text + "\n")
