"""What `tutti gpu-check` has found so far, kept in a folder: what hangs or crashes takes nothing along."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import gpu_table

LISTS = ("checks", "figures", "left_out")


class Failed(Exception):
    """A part cannot go on; the text says why in one line."""


def figure(
    name: str, value: float, unit: str, bound: tuple[str, float] = ("", 0), wanted: float = 0
) -> dict[str, Any]:
    """A measured value; `bound` is what limits it, with its name, and `wanted` a fraction of it."""
    names = {"bound_name": bound[0], "bound": bound[1], "wanted": wanted}
    return {"name": name, "value": value, "unit": unit, **names}


@dataclass
class Report:
    """report.json and table.txt of the folder are written after each part."""

    out: Path
    ends: float  # by time.monotonic(): when all parts are to be over
    data: dict[str, Any] = field(
        default_factory=lambda: {"device": "?", "seed": "", "checks": [], "figures": [], "left_out": []}
    )

    def check(self, name: str, passed: bool, detail: str) -> None:
        self.data["checks"].append({"name": name, "passed": passed, "detail": detail})

    def figures(self, *figures: dict[str, Any]) -> None:
        self.data["figures"] += figures

    def leave_out(self, what: str, why: str) -> None:
        self.data["left_out"].append({"what": what, "why": why})

    def add(self, found: dict[str, Any]) -> None:
        """The report of a program of ours."""
        for key, value in found.items():
            if key in LISTS:
                self.data[key] += value
            else:
                self.data[key] = value

    def value(self, name: str) -> float | None:
        return next((f["value"] for f in self.data["figures"] if f["name"] == name), None)

    def part(self, name: str, work: Callable[[], None]) -> None:
        """Does the work and keeps what it found; what it raises is a check that failed."""
        if time.monotonic() >= self.ends:
            self.leave_out(name, "the time for all parts was over")
        else:
            try:
                work()
            except (Failed, OSError, ValueError, KeyError) as error:
                self.check(name, False, " ".join(str(error).split()) or type(error).__name__)
        self.save()

    def run(
        self, words: Sequence[object], log: Path, limit_s: float, worst: int = 0, cwd: Path | None = None
    ) -> str:
        """What a program prints. It is kept beside `log`, which has the rest of what the program says. Raises
        Failed if it takes too long or ends with a status above `worst`."""
        limit_s = max(1.0, min(limit_s, self.ends - time.monotonic()))
        said = log.with_suffix(".out")
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with said.open("w") as out, log.open("w") as err:
                status = subprocess.run(
                    [str(word) for word in words],
                    stdout=out,
                    stderr=err,
                    stdin=subprocess.DEVNULL,
                    timeout=limit_s,
                    check=False,
                    cwd=cwd,
                ).returncode
        except subprocess.TimeoutExpired as late:
            raise Failed(f"no end after {limit_s:.0f} s, see {log}") from late
        if not 0 <= status <= worst:
            raise Failed(f"{ending(status, log)} (log: {log})")
        return said.read_text(errors="replace")

    def all_passed(self) -> bool:
        return all(check["passed"] for check in self.data["checks"])

    def save(self) -> list[str]:
        """Returns the table's lines."""
        lines = gpu_table.table(self.data)
        (self.out / "report.json").write_text(json.dumps(self.data, indent=1) + "\n")
        (self.out / "table.txt").write_text("\n".join(lines) + "\n")
        return lines


def ending(status: int, log: Path) -> str:
    """Why a program failed: a signal, or its last line of errors."""
    if status < 0:
        return f"it was ended by signal {-status}"
    lines = log.read_text(errors="replace").splitlines()
    last = lines[-1].removeprefix("tutti: error: ") if lines else "it said nothing"
    return f"status {status}: {last}"
