"""Starts the apps of a build the way the tests need: ranks x threads, on any number of cores."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TUTTI_BIN", ROOT / "build" / "release" / "bin"))
MPIEXEC = os.environ.get("TUTTI_MPIEXEC") or shutil.which("mpirun") or "mpirun"
LONG = bool(os.environ.get("TUTTI_LONG_TESTS"))  # larger grids and all combinations

# As root in a container, more ranks than cores, and without spinning in MPI.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMP_WAIT_POLICY": "passive",
}


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str
    report: dict | None  # what --json wrote

    @property
    def errors(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("tutti: error: ")]

    def __str__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def program(app: str) -> str:
    """An app of the build, or a program of its tests."""
    path = BIN / app
    return str(path if path.exists() else BIN.parent / "tests" / app)


@functools.cache
def features(app: str) -> frozenset[str]:
    """Of mpi, hdf5, kokkos, cuda: what the app was built with, as its --version says."""
    done = subprocess.run([program(app), "--version"], capture_output=True, text=True, check=True)
    words = done.stdout.split(" with ", 1)[1]
    return frozenset() if words.startswith("none of") else frozenset(words.split())


def command(app: str, ranks: int) -> list[str]:
    """One rank is started directly: that is quicker, above all where it fails."""
    if ranks == 1:
        return [program(app)]
    assert "mpi" in features(app)
    return [MPIEXEC, "-n", str(ranks), "--bind-to", "none", program(app)]


def run(
    app: str,
    *words: object,
    ranks: int = 1,
    threads: int = 1,
    report: bool = True,
    processors: str | None = None,
) -> Result:
    """`processors` confines all ranks to a list of processors like "0"."""
    confined = ["taskset", "-c", processors] if processors else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        words = (*words, "--threads", threads, *(("--json", path) if report else ()))
        done = subprocess.run(
            [*confined, *command(app, ranks), *map(str, words)],
            capture_output=True,
            text=True,
            timeout=240,
            env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads)},
            check=False,
        )
        found = json.loads(path.read_text()) if path.exists() else None
    return Result(done.returncode, done.stdout, done.stderr, found)
