"""Progress of many runs: a bar on a terminal, a line for each round elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from .study import Point

WIDTH = 24


class Progress:
    """Call it with the number of runs done and in all, and what runs next."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self.out = out
        self.bar = out.isatty()
        self.start = time.monotonic()
        self.round = 0
        self.open = False

    def __call__(self, done: int, total: int, point: Point, number: int) -> None:
        if self.bar:
            filled = WIDTH * done // total
            text = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}"
            if done < total:
                text += f"  {point.key}, repeat {number}{self.left(done, total)}"
            self.out.write(f"\r\033[K{text}" + ("\n" if done == total else ""))
            self.open = done < total
        elif number != self.round or done == total:
            self.round = number
            self.out.write(f"demo: {done} of {total} runs{self.left(done, total)}\n")
        self.out.flush()

    def close(self) -> None:
        """Ends the bar where a run has failed, so that the message starts on a line of its own."""
        if self.bar and self.open:
            self.out.write("\n")
            self.open = False

    def left(self, done: int, total: int) -> str:
        if done == 0 or done == total:
            return ""
        seconds = (time.monotonic() - self.start) / done * (total - done)
        return f", about {seconds:.0f} s left"
