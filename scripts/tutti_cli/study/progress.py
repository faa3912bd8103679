"""Progress of many runs: a bar on a terminal, a line for each round elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from ..common import counted

WIDTH = 24


class Progress:
    """Call it with the round, the runs of it that are done and are there, and the point that is next."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.bar = self.out.isatty()
        self.start = time.monotonic()
        self.open = False

    def __call__(self, number: int, done: int, total: int, label: str) -> None:
        elapsed = f"{time.monotonic() - self.start:.0f} s"
        if self.bar:
            filled = WIDTH * done // total
            bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
            self.out.write(f"\r\033[Kround {number} {bar} {done} of {total} runs, {elapsed}  {label}")
            self.open = True
        elif done == total:
            self.out.write(f"study: round {number}: {counted(total, 'run')}, {elapsed}\n")
        self.out.flush()

    def close(self) -> None:
        """Takes the bar away, so that what follows starts on a line of its own."""
        if self.open:
            self.out.write("\r\033[K")
            self.out.flush()
            self.open = False
