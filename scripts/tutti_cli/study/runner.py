"""Runs the points of a study, round by round, until each has the repeats that it needs."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import launch
from ..common import FAILED, OK, ROOT, Failure
from ..process import Outcome, execute
from ..run import built_with_mpi, program_of
from ..statistics import LEVEL, Estimate, estimate
from . import metg
from .model import Point, Repeats
from .store import Run, Store

Progress = Callable[[int, int, int, str], None]  # round, runs done in it, runs in it, point that is next


@dataclass(frozen=True)
class Program:
    """What is started, and where."""

    path: Path
    mpi: bool
    host: launch.Host

    @staticmethod
    def of(app: str, preset: str) -> Program:
        path = program_of(app, preset)
        return Program(path, built_with_mpi(path), launch.Host.this())


def narrow(found: Estimate, half_width: float) -> bool:
    """True where the 95 % interval, which needs six values, is that narrow."""
    return found.coverage >= LEVEL and found.high - found.low <= 2.0 * half_width * found.median


def wants_more(times: Sequence[float], rule: Repeats) -> bool:
    if len(times) < rule.initial:
        return True
    if rule.half_width is None or len(times) >= rule.max:
        return False
    return not narrow(estimate(times), rule.half_width)


def next_round(times: Mapping[int, Sequence[float]], rule: Repeats, seed: int) -> tuple[int, list[int]]:
    """The number of the next round, from 1, and the points that still have to run in it, in order.

    times has the values of each point that may run. Round n gives each that wants more its n-th repeat.
    Of two points the same comes first whatever the others do, so that a round that was interrupted goes on
    as it would have. Rounds mix all points, so that a slow spell of the machine hits all alike.
    """
    wanting = {point: len(values) for point, values in times.items() if wants_more(values, rule)}
    number = min(wanting.values(), default=0) + 1
    now = [point for point, done in wanting.items() if done + 1 == number]
    return number, sorted(now, key=lambda point: random.Random(f"{seed} {number} {point}").random())


def run(store: Store, program: Program, progress: Progress) -> str:
    """All runs that are wanted, one after another. Returns why it ended before that, or an empty string.

    A point that fails is left out for the rest of this sitting; the next one tries it again.
    """
    study, rule = store.study, store.study.repeats
    labels = study.labels()
    left = set(range(len(study.points)))
    used_s = sum(one.wall_s for one in store.runs)
    while True:
        times = {n: [one.time_s for one in store.of(n)] for n in sorted(left)}
        number, todo = next_round(times, rule, study.seed)
        if not todo:
            return ""
        for place, point in enumerate(todo):
            if used_s >= rule.budget_s:
                return f"the budget of {rule.budget_s:g} s is used up"
            progress(number, place, len(todo), labels[study.points[point]])
            one = measure(point, study.points[point], number, program, rule.limit_s, store.file.parent)
            store.add(one)
            used_s += one.wall_s
            if one.failed:
                left.discard(point)
        progress(number, len(todo), len(todo), "")


def measure(index: int, point: Point, number: int, program: Program, limit_s: float, folder: Path) -> Run:
    """One run. Whatever goes wrong with it is recorded; only a signal to this process ends the study."""
    file = folder / f"run-{os.getpid()}.json"
    started = datetime.now().astimezone().isoformat(timespec="milliseconds")
    begin = time.monotonic()
    try:
        command, outcome = start(point, program, limit_s, file)
        wall_s = time.monotonic() - begin
        # paths as seen from the root of the repository, like the command's
        text = file.read_text().replace(f"{ROOT}/", "") if file.is_file() else ""
    finally:
        file.unlink(missing_ok=True)
    result, message = judged(outcome, text, point, program.path.name)
    good = not message
    return Run(
        point=index,
        repeat=number if good else 0,
        started=started,
        wall_s=wall_s,
        time_s=seconds(result) if good else math.nan,
        status=outcome.status,
        failed=not good,
        verified=good and verified(result),
        cores=program.host.cores,
        oversubscribed=point.workers > program.host.cores,
        checksum=result["checksum"] if good else "",
        message=message,
        command=command,
        result=text,
    )


def start(point: Point, program: Program, limit_s: float, file: Path) -> tuple[str, Outcome]:
    """Runs the app; the command line, as seen from the repository's root, and how it ended."""
    words = [*point.arguments(), "--json", str(file), "--quiet"]
    try:
        planned = launch.plan(
            str(program.path), words, point.ranks, point.threads, program.host, mpi=program.mpi
        )
    except Failure as refused:  # ranks where there is no MPI
        return "", Outcome(refused.status, str(refused))
    outcome = execute(planned, program.path.name, quiet=True, timeout_s=limit_s)
    if outcome.stopped:
        raise Failure(f"{outcome.message}; the same command goes on from here", outcome.status)
    return planned.shown().replace(f"{ROOT}/", ""), outcome


def judged(outcome: Outcome, text: str, point: Point, app: str) -> tuple[dict[str, Any], str]:
    """The app's result, or why there is none. A failed verification is a result."""
    ended_well = outcome.status in (OK, FAILED) and not outcome.timed_out
    if not ended_well or (outcome.status == FAILED and not text):
        return {}, outcome.message or f"{app} ended with status {outcome.status}"
    try:
        result = json.loads(text)
        check(result, point)
    except (ValueError, TypeError, KeyError) as problem:
        why = f"no key {problem}" if isinstance(problem, KeyError) else str(problem)
        return {}, f"the result cannot be used: {why}" if text else f"{app} wrote no result"
    return result, ""


def seconds(result: dict[str, Any]) -> float:
    """What the point is judged by: the time per iteration, or METG of a sweep."""
    time_s = float(result["timings"]["iteration_s"]["median"])
    found = metg.seconds(result)
    return time_s if found is None else found


def verified(result: dict[str, Any]) -> bool:
    """A run that checks nothing is not verified."""
    checks = result["verification"]
    return bool(checks) and all(one["passed"] for one in checks)


def check(result: dict[str, Any], point: Point) -> None:
    """Raises where a key that is used later is missing or odd."""
    if not 0.0 < seconds(result) < math.inf:
        raise ValueError("iteration_s is not positive")
    if not isinstance(result["checksum"], str):
        raise ValueError("checksum is no text")
    if not all(isinstance(one["passed"], bool) for one in result["verification"]):
        raise ValueError("verification.passed is not true or false")
    # Ranks of another MPI than mpirun's would each run alone.
    if (result["ranks"], result["threads_per_rank"]) != (point.ranks, point.threads):
        raise ValueError(f"it ran on {result['ranks']}x{result['threads_per_rank']}, not {point.layout}")
