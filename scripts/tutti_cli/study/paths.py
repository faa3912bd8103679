"""Where a study is kept, and how its place is shown."""

from __future__ import annotations

from pathlib import Path

from ..common import ROOT


def folder_of(output: str | None, file: str) -> Path:
    """The folder of the study's file: results/NAME.toml's name, unless the user says."""
    return Path(output) if output else ROOT / "results" / Path(file).stem


def shown(path: Path) -> str:
    """As the user would type it."""
    for start in (Path.cwd(), ROOT):
        if path.is_absolute() and path.is_relative_to(start):
            return str(path.relative_to(start))
    return str(path)
