"""`tutti gpu-check`: build for this machine's GPU, check kernels and mini-apps there, measure; one table.

Needs nvcc, a C++ compiler, CMake, Ninja and a device; no network, no MPI, and only Python's standard library.
The mini-apps need the libraries that the rest of Tutti is built with; where these are missing, they are left
out, or programs that were built elsewhere are taken. Each part runs in a process of its own: what hangs or
crashes takes nothing along.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import time
from pathlib import Path

from . import gpu_facts
from .build import Steps, ending, logged
from .common import ENVIRONMENT, FAILED, OK, ROOT, Failure, build_dir, say
from .gpu_apps import APPS, OURS, Apps
from .gpu_report import Failed, Report
from .gpu_torch import COMPILED

ALONE, WITH_APPS = "gpu-check", "gpu-apps"  # presets
ALL_S = 470  # of everything, the build too
PART_S = 90  # of one part of gpu_check
TORCH_S = 120


def configure(facts: gpu_facts.Facts, preset: str) -> list[str]:
    words = ["cmake", "--preset", preset, f"-DCMAKE_CUDA_COMPILER={facts.nvcc}"]
    words.append(f"-DCMAKE_CUDA_ARCHITECTURES={gpu_facts.architectures(facts)}")
    return [*words, f"-DTUTTI_CUDA_HINTS={';'.join(facts.hints)}"] if facts.hints else words


def done(command: list[str], log: Path, preset: str) -> bool:
    steps = Steps(preset)
    with log.open("w") as file:
        well = logged(command, file, steps)
    steps.clear()
    return well


def make(preset: str, *targets: str) -> list[str]:
    # all that can be built is, and on all processors: the time is limited
    return ["cmake", "--build", "--preset", preset, "--target", *targets, "--", "-k", "0"]


def build(facts: gpu_facts.Facts, report: Report, apps_too: bool) -> tuple[Path, Path | None]:
    """Folders of gpu_check and of the apps, None if these cannot be built: the report says why."""
    log = report.out / "build.log"
    if apps_too:
        if done(configure(facts, WITH_APPS), log, WITH_APPS):
            folder = build_dir(WITH_APPS) / "bin"
            if done(make(WITH_APPS, "gpu_check", *APPS), log, WITH_APPS):
                return folder, folder
            report.leave_out("the mini-apps", f"they cannot be built: {log.rename(report.out / 'apps.log')}")
        else:
            missing = [line.strip() for line in ending(log) if "was not found" in line]
            report.leave_out("the mini-apps", " ".join(missing[:1]) or f"see {log}")
    for command in (configure(facts, ALONE), make(ALONE, "gpu_check")):
        if not done(command, log, ALONE):
            say("\n".join(ending(log)))
            raise Failure(f"gpu-check: the build failed, the full log is {log}", FAILED)
    return build_dir(ALONE) / "bin", None


def kernels(program: Path, name: str, seed: str, report: Report) -> None:
    """One part of gpu_check. What it found before it failed is kept."""
    file = report.out / "parts" / f"{name.replace(' ', '-')}.json"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    command = (program, "--part", name, "--seed", seed, "--json", file)
    try:
        report.run(command, file.with_suffix(".log"), PART_S, worst=FAILED)
    finally:
        if file.is_file():
            report.add(json.loads(file.read_text()))


def gpu_check(folder: Path, report: Report) -> None:
    program, seed = folder / "gpu_check", str(int.from_bytes(os.urandom(4), "little"))
    try:
        names = report.run((program, "--list"), report.out / "list.log", PART_S).splitlines()
    except Failed as failed:
        raise Failure(f"gpu-check: {failed}", FAILED) from failed
    for name in names:
        say(f"gpu-check: {name}")
        report.part(name, functools.partial(kernels, program, name, seed, report))


def against_torch(python: str, apps: Apps | None, report: Report) -> None:
    """PyTorch's figures go into the report, and ours beside its; without PyTorch, a word on it."""
    if not python:
        report.leave_out("PyTorch", "no python3 here has it")
        return
    # as a module: a script's folder comes before the standard library, and modules there have its names
    words = [python, "-B", "-m", "tutti_cli.gpu_torch"]
    if apps is not None:
        precision = report.data.get("gpt_precision", "float32")
        words += [json.dumps(dataclasses.asdict(apps.sizes.gpt)), precision]
    log = report.out / "torch.log"
    try:
        report.run(words, log, TORCH_S, cwd=ROOT / "scripts")
    except Failed as failed:
        report.leave_out("PyTorch", str(failed))
    for line in log.with_suffix(".out").read_text().splitlines():
        if line.startswith("{"):
            report.figures(json.loads(line))
    theirs = report.value(COMPILED)
    for ours in report.data["figures"]:
        if ours["name"] == OURS and theirs is not None:
            ours |= {"bound_name": "PyTorch compiled", "bound": theirs, "wanted": 1.05}


def verb(output: str | None, against: str | None, programs: str | None) -> int:
    facts = gpu_facts.gather()
    problem = gpu_facts.lacks(facts)
    if problem is not None:
        raise Failure(problem, ENVIRONMENT)
    out = Path(output) if output is not None else build_dir(ALONE) / "report"
    out.mkdir(parents=True, exist_ok=True)
    report = Report(out.resolve(), time.monotonic() + ALL_S)
    checks, built = build(facts, report, programs is None)
    folder = Path(programs).resolve() if programs is not None else built
    say("gpu-check: checks and measurements, a few minutes")
    gpu_check(checks, report)
    apps = None if folder is None else Apps(folder, len(os.sched_getaffinity(0)))
    if apps is not None:
        apps.parts(report)
    if against == "torch":
        report.part("PyTorch", lambda: against_torch(facts.torch_python, apps, report))
    say("\n".join(report.save()))
    say(f"gpu-check: logs and JSON are in {out}")
    return OK if report.all_passed() else FAILED
