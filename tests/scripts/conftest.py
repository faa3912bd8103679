"""Fixtures shared by the tests of the `tutti` command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clusters import Cluster

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

Run = Callable[..., subprocess.CompletedProcess[str]]
Study = Callable[..., tuple[int, str]]  # exit status, and all that was printed


@pytest.fixture
def fake_heat() -> Path:
    return Path(__file__).parent / "fake_heat.py"


@pytest.fixture
def tutti() -> Run:
    """Calls scripts/tutti; keywords are added to the environment."""

    def call(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
        # Settings of the surrounding ctest must not reach the runs that are judged here.
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "OMPI_", "PMIX_"))}
        return subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "tutti"), *arguments],
            cwd=cwd,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Study:
    """Calls a step of `tutti study` in this process; mode steers the stand-in for heat."""

    def call(step: str, *paths: Path, mode: str = "") -> tuple[int, str]:
        from tutti_cli.common import Failure, complain
        from tutti_cli.study import verbs

        for name in [name for name in os.environ if name.startswith(("OMP_", "OMPI_", "PMIX_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("FAKE_HEAT", mode)
        capsys.readouterr()
        words = [str(path) for path in paths]
        try:
            status = verbs.run_verb(*words, "release") if step == "run" else verbs.report_verb(*words)
        except Failure as failure:
            complain(str(failure))
            status = failure.status
        return status, "".join(capsys.readouterr())

    return call


@pytest.fixture
def only_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about the files of plots: the page needs no more, and it is quick."""
    from tutti_cli.study import plots

    monkeypatch.setattr(plots, "FILES", {"svg": plots.FILES["svg"]})


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes an executable shell script."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cluster:
    """A stand-in for Slurm on PATH, and a study for it."""
    from clusters import Cluster

    found = Cluster(tmp_path, capsys)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(found.memory))
    monkeypatch.setenv("FAKE_HEAT", "")
    for name in [name for name in os.environ if name.startswith(("OMP_", "OMPI_", "PMIX_", "SLURM_"))]:
        monkeypatch.delenv(name)
    return found
