"""Where things are, and how a verb fails."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PRESETS = ("release", "debug", "asan", "tsan", "fuzz", "cuda", "minimal")

OK, FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3


class Failure(Exception):
    """One line for the user and the exit status of the command."""

    def __init__(self, message: str, status: int = ENVIRONMENT) -> None:
        super().__init__(message)
        self.status = status


def say(text: str) -> None:
    """One line of progress; flushed, because children write to the same stream."""
    print(text, flush=True)


def complain(text: str) -> None:
    print(f"tutti: error: {text}", file=sys.stderr, flush=True)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def build_dir(preset: str) -> Path:
    return ROOT / "build" / preset
