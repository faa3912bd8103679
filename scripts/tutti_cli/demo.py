"""`tutti demo`: builds heat, runs slurm/studies/heat-demo.toml anew, and reports it. Runs inside .venv."""

from __future__ import annotations

from pathlib import Path

from . import build
from .common import ROOT
from .study import store, toml_file, verbs
from .study.measure import Program

FILE = ROOT / "slurm" / "studies" / "heat-demo.toml"


def verb(output: str, preset: str) -> int:
    study = toml_file.read(FILE)
    if "/" not in study.app:
        build.build(preset)
    folder = Path(output)
    folder = folder if folder.is_absolute() else ROOT / folder
    (folder / store.NAME).unlink(missing_ok=True)
    measured = verbs.measure(study, folder, Program.of(study.app, preset))
    return verbs.publish(folder) or measured
