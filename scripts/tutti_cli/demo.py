"""`tutti demo`: heat over the ranks x threads of this machine. Runs inside .venv."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import build, plots, report, study, summary
from .common import FAILED, ROOT, USAGE, Failure, say
from .launch import Host
from .progress import Progress
from .run import built_with_mpi, program_of

SCHEDULES = ("tasks", "bulk")
GRIDS = (192, 128, 96, 64)
PILOT_STEPS = (10, 30)
FEWEST_STEPS, MOST_STEPS = 20, 5000
REPEATS = (9, 6, 3)  # from 6 on the interval of a median covers 95 %


def layouts(cores: int, mpi: bool) -> list[tuple[int, int]]:
    """Ranks x threads with a power of two of cores: threads only, ranks only, and one between."""
    chosen = []
    for exponent in range(int(math.log2(cores)) + 1):
        count = 2**exponent
        middle = 2 ** (exponent // 2)
        ranks = sorted({1, middle, count}) if mpi else [1]
        chosen += [(r, count // r) for r in ranks]
    return chosen


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    steps: int
    repeats: int


def fit(step_s: float, overhead_s: float, points: int, budget_s: float, repeats: int | None) -> Size | None:
    """The most repeats, and then steps, that the budget allows; None where not even the least fits.

    step_s and overhead_s are of whole runs, in wall time on one core, so that the estimate errs on the long
    side.
    """
    for count in (repeats,) if repeats else REPEATS:
        steps = int((budget_s / (points * count) - overhead_s) / step_s)
        if steps >= FEWEST_STEPS:
            return Size(round_down(min(steps, MOST_STEPS)), count)
    return None


def round_down(steps: int) -> int:
    """To two digits, which read better in a title."""
    unit = 10 ** max(0, len(str(steps)) - 2)
    return steps // unit * unit


def arguments(grid: int, steps: int) -> tuple[str, ...]:
    return ("--grid", f"{grid},{grid},{grid}", "--steps", str(steps), "--repeat", "1")


def choose(
    program: Path,
    host: Host,
    mpi: bool,
    points: Sequence[study.Point],
    options: argparse.Namespace,
    folder: Path,
) -> tuple[int, Size]:
    """Measure two short runs on one core for each grid until one fits the budget."""
    grids = (options.grid,) if options.grid else GRIDS
    for grid in grids:
        short, long = (
            study.run_one(
                study.App(program, arguments(grid, steps), mpi), points[0], host, folder / "pilot.json", 120.0
            )
            for steps in PILOT_STEPS
        )
        # A run may do more than its timed steps (warm-up, verification): what counts is how it grows.
        step_s = max(long.time_s, (long.wall_s - short.wall_s) / (PILOT_STEPS[1] - PILOT_STEPS[0]))
        overhead_s = max(0.0, long.wall_s - PILOT_STEPS[1] * step_s)
        size = fit(step_s, overhead_s, len(points), options.budget, options.repeats)
        if size:
            say(
                f"demo: {grid}^3 cells, {summary.duration(long.time_s)} per step on one core;"
                f" {len(points)} points x {size.repeats} repeats of {size.steps} steps"
            )
            return grid, size
    least = options.repeats or REPEATS[-1]
    say(f"demo: this machine is slow: the least that makes sense may take more than {options.budget:.0f} s")
    return grids[-1], Size(FEWEST_STEPS, least)


def checked(options: argparse.Namespace) -> Path:
    """Refuse what cannot work before anything runs; returns the output folder."""
    for name in ("repeats", "grid"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise Failure(f"--{name} must be at least 1", USAGE)
    if not options.budget > 0:
        raise Failure("--budget must be more than 0 seconds", USAGE)
    folder = Path(options.output)
    folder = folder if folder.is_absolute() else ROOT / folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Failure(f"cannot write to {folder}: {problem.strerror}") from problem
    return folder


def verb(options: argparse.Namespace) -> int:
    folder = checked(options)
    if "/" not in options.app:
        build.build(options.preset)
    program = program_of(options.app, options.preset)
    host = Host.this()
    mpi = built_with_mpi(program) and bool(host.launcher)
    points = [
        study.Point(schedule, ranks, threads)
        for schedule in SCHEDULES
        for ranks, threads in layouts(host.cores, mpi)
    ]
    grid, size = choose(program, host, mpi, points, options, folder)
    app = study.App(program, arguments(grid, size.steps), mpi)
    progress = Progress()
    limit_s = max(60.0, options.budget)
    try:
        repeats = study.run(
            app, points, size.repeats, options.seed, host, folder, timeout_s=limit_s, progress=progress
        )
    finally:
        progress.close()
    (folder / "pilot.json").unlink(missing_ok=True)
    settings = {
        "app": app.name,
        "grid": f"{grid} x {grid} x {grid}",
        "steps": size.steps,
        "repeats": size.repeats,
        "seed": options.seed,
        "cores": host.cores,
    }
    return publish(repeats, settings, folder)


def publish(repeats: Sequence[study.Repeat], settings: dict[str, Any], folder: Path) -> int:
    """Table, plots, page; the exit status."""
    study.save(repeats, settings, folder)
    result = summary.summarise(repeats)
    problem = f"{settings['app']}, {settings['grid']} cells, {settings['steps']} steps"
    svg = plots.write(result, problem, folder)
    title = f"Scaling of {problem}, on {settings['cores']} cores"
    (folder / "report.html").write_text(report.page(title, result, repeats, svg, settings))
    say("")
    say(summary.table(result))
    base = result.base
    say("")
    say(f"Speed-up against {base.point.schedule} {base.point.layout}. {summary.coverage_note(result.rows)}")
    for sentence in summary.verdict(result):
        say(sentence)
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    say(f"Page: {shown / 'report.html'}   plots: {shown}/time.png, {shown}/efficiency.png")
    return 0 if result.good else FAILED
