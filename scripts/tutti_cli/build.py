"""`tutti build`: cmake with a preset; quiet when nothing changed, the full log in build/<preset>."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from . import compiler_cache, packages, setup
from .common import FAILED, PRESETS, ROOT, USAGE, Failure, build_dir, say

STEP = re.compile(r"^\[(\d+)/(\d+)\] ?(.*)")
BEFORE = ("Re-checking globbed directories...", "Re-running CMake...")  # ninja counts them apart
TAIL = 30


def definitions(preset: str, extra: Sequence[str]) -> list[str]:
    """The -D words for the configuration; Kokkos is left out where neither apt nor the user has one."""
    for word in extra:
        if not re.match(r"^-D[A-Za-z_][A-Za-z0-9_]*(:[A-Z]+)?=", word):
            raise Failure(f"build: unexpected argument '{word}' (only -DNAME=VALUE is passed on)", USAGE)
    chosen = any(word.startswith("-DTUTTI_KOKKOS") for word in extra)
    own = any(name in os.environ for name in ("Kokkos_ROOT", "Kokkos_DIR", "CMAKE_PREFIX_PATH"))
    own = own or any("Kokkos_" in word or "CMAKE_PREFIX_PATH" in word for word in extra)
    if preset in ("minimal", "fuzz") or chosen or own or not packages.has_apt() or packages.kokkos_from_apt():
        return list(extra)
    return [*extra, "-DTUTTI_KOKKOS=OFF"]


def with_cuda(
    preset: str, cuda: bool, architectures: str | None, extra: Sequence[str]
) -> tuple[str, list[str]]:
    """The preset and the -D words that --cuda and --cuda-architectures mean."""
    if cuda and preset not in ("release", "cuda"):
        raise Failure(f"build: --cuda is the preset cuda, it does not go with --preset {preset}", USAGE)
    preset = "cuda" if cuda else preset
    if architectures is None:
        return preset, list(extra)
    if preset != "cuda":
        raise Failure("build: --cuda-architectures needs --cuda", USAGE)
    if not re.fullmatch(r"\d+[af]?(;\d+[af]?)*", architectures):
        raise Failure(f"build: --cuda-architectures '{architectures}' is no list like 80;90", USAGE)
    return preset, [*extra, f"-DCMAKE_CUDA_ARCHITECTURES={architectures}"]


def build(preset: str, extra: Sequence[str] = (), targets: Sequence[str] = ()) -> None:
    """Configure and build all or some targets; raises Failure(1) after printing the end of the log."""
    if preset not in PRESETS:
        raise Failure(f"unknown preset '{preset}', there are {', '.join(PRESETS)}", USAGE)
    words = definitions(preset, extra)
    log = build_dir(preset) / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with log.open("w") as file:
        steps = Steps(preset)
        make = ["cmake", "--build", "--preset", preset]
        if targets:
            make += ["--target", *targets]
        for command in (["cmake", "--preset", preset, *words], make):
            if not logged(command, file, steps):
                steps.clear()
                file.flush()
                print("\n".join(ending(log)), file=sys.stderr)
                raise Failure(f"build of {preset} failed, the full log is {log}", FAILED)
    steps.clear()
    if steps.worked:
        say(f"build: {preset}: {time.monotonic() - start:.0f} s")


class Steps:
    """Shows ninja's count: one line that changes on a terminal, one line at the start elsewhere."""

    def __init__(self, preset: str, out: TextIO = sys.stdout) -> None:
        self.preset, self.out, self.worked = preset, out, False

    def line(self, text: str) -> None:
        step = STEP.match(text)
        if not step or step.group(3) in BEFORE:
            return
        if self.out.isatty():
            self.out.write(f"\r\033[Kbuild: {self.preset}: {step.group(1)} of {step.group(2)}")
            self.out.flush()
        elif not self.worked:
            say(f"build: {self.preset}: {step.group(2)} steps")
        self.worked = True

    def clear(self) -> None:
        if self.worked and self.out.isatty():
            self.out.write("\r\033[K")
            self.out.flush()


def logged(command: list[str], file: TextIO, steps: Steps) -> bool:
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=compiler_cache.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None
    for line in child.stdout:
        file.write(line)
        steps.line(line)
    return child.wait() == 0


def ending(log: Path) -> list[str]:
    """From the first CMake error on, else the last lines; where it is a compiler's, its first error too."""
    lines = log.read_text(errors="replace").splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("CMake Error")), None)
    if first is not None:
        return lines[first : first + TAIL]
    error = next((i for i, line in enumerate(lines) if re.search(r"\berror: ", line)), None)
    if error is not None and error < len(lines) - TAIL:
        return [*lines[error : error + 5], "...", *lines[-TAIL:]]
    return lines[-TAIL:]


def verb(preset: str, extra: Sequence[str]) -> int:
    setup.system(tests=preset in ("tsan", "fuzz"))
    build(preset, extra)
    return 0
