"""Fixtures shared by the tests of the `tutti` command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

Run = Callable[..., subprocess.CompletedProcess[str]]


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
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes an executable shell script."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    return make
