"""`tutti gpu-check`: build for this machine's GPU, check every kernel there, measure, and print one table.

Needs nvcc, a C++ compiler, CMake, Ninja and a device; no network, no MPI, none of the libraries that the rest
of Tutti is built with, and only Python's standard library.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from . import gpu_facts, gpu_table
from .build import Steps, ending, logged
from .common import ENVIRONMENT, FAILED, OK, ROOT, Failure, build_dir, say

PRESET = "gpu-check"
LIMIT_S = 420  # of the checks and measurements; the build before them takes about a minute
TORCH_LIMIT_S = 120


def configure(facts: gpu_facts.Facts) -> list[str]:
    words = ["cmake", "--preset", PRESET, f"-DCMAKE_CUDA_COMPILER={facts.nvcc}"]
    words.append(f"-DCMAKE_CUDA_ARCHITECTURES={gpu_facts.architectures(facts)}")
    return [*words, f"-DTUTTI_CUDA_HINTS={';'.join(facts.hints)}"] if facts.hints else words


def build(facts: gpu_facts.Facts, log: Path) -> None:
    steps = Steps(PRESET)
    with log.open("w") as file:
        for command in (configure(facts), ["cmake", "--build", "--preset", PRESET]):
            if not logged(command, file, steps):
                steps.clear()
                file.flush()
                say("\n".join(ending(log)))
                raise Failure(f"gpu-check: the build failed, the full log is {log}", FAILED)
    steps.clear()


def run(out: Path) -> tuple[int, dict[str, Any]]:
    """The checks; returns their status and report. Raises Failure where there is no report."""
    program, file, log = (
        build_dir(PRESET) / "bin" / "gpu_check",
        out / "gpu_check.json",
        out / "gpu_check.log",
    )
    file.unlink(missing_ok=True)
    with log.open("w") as to:
        try:
            status = subprocess.run(
                [str(program), "--json", str(file)],
                stdout=to,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as late:
            raise Failure(f"gpu-check: no end after {LIMIT_S} s, see {log}", FAILED) from late
    if not file.is_file():
        lines = log.read_text(errors="replace").splitlines()
        reason = lines[-1].removeprefix("tutti: error: ") if lines else "it said nothing"
        raise Failure(f"gpu-check: {reason} (log: {log})", status if status in (1, 2, 3) else FAILED)
    return status, json.loads(file.read_text())


def against_torch(python: str, report: dict[str, Any], out: Path) -> None:
    """PyTorch's figures go into the report; without PyTorch, a word on it."""
    if not python:
        report["left_out"].append({"what": "PyTorch", "why": "no python3 here has it"})
        return
    # as a module: a script's folder comes before the standard library, and modules there have its names
    command = [python, "-B", "-m", "tutti_cli.gpu_torch"]
    log = out / "torch.log"
    try:
        with log.open("w") as to:
            done = subprocess.run(
                command,
                cwd=ROOT / "scripts",
                stdout=subprocess.PIPE,
                stderr=to,
                text=True,
                timeout=TORCH_LIMIT_S,
                check=True,
            )
        report["figures"] += json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        report["left_out"].append({"what": "PyTorch", "why": f"it failed, see {log}"})


def verb(output: str | None, against: str | None) -> int:
    facts = gpu_facts.gather()
    problem = gpu_facts.lacks(facts)
    if problem is not None:
        raise Failure(problem, ENVIRONMENT)
    out = Path(output) if output is not None else build_dir(PRESET) / "report"
    out.mkdir(parents=True, exist_ok=True)
    build(facts, out / "build.log")
    say("gpu-check: checks and measurements, a few minutes")
    status, report = run(out)
    if against == "torch":
        against_torch(facts.torch_python, report, out)
    lines = gpu_table.table(report)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "table.txt").write_text("\n".join(lines) + "\n")
    say("\n".join(lines))
    say(f"gpu-check: logs and JSON are in {out}")
    return OK if status == OK else FAILED
