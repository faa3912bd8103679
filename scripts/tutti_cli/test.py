"""`tutti test`: builds, runs ctest, and ends with one line that counts."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import xml.etree.ElementTree as xml
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import build, compiler_cache, setup
from .common import ROOT, Failure, build_dir, complain, say


@dataclass(frozen=True)
class Suite:
    """One build and the tests that are run in it (regular expressions on labels)."""

    preset: str
    only: str = ""
    targets: tuple[str, ...] = ()  # what these tests need; else everything is built
    full_stacks: bool = False  # of allocations, slowly; what Open MPI leaks is only then known as its own


EVERYTHING = (
    Suite("release"),
    Suite("asan", only="^(unit|graph|fuzz)$", targets=("tests_unit", "tests_graph", "tests_fuzz")),
    Suite("asan", only="^ranks$", targets=("tests_ranks",), full_stacks=True),
    Suite("tsan", only="^tsan$", targets=("tests_tsan",)),
    Suite("minimal", only="^(ranks|apps|package)$", targets=("tests_ranks", "tests_apps")),
)


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


def count(junit: Path) -> Count:
    """From ctest's JUnit file; no file or no tests in it count as nothing."""
    if not junit.is_file():
        return Count()
    total = Count()
    for case in xml.parse(junit).getroot().iter("testcase"):
        status = case.get("status", "")
        if status == "fail" or case.find("failure") is not None:
            total += Count(failed=1)
        elif status in ("disabled", "notrun") or case.find("skipped") is not None:
            total += Count(skipped=1)
        else:
            total += Count(passed=1)
    return total


def environment(suite: Suite) -> dict[str, str]:
    """For sanitizers, and the compiler cache, since some tests build; what the caller has set stays."""
    folder = ROOT / "scripts" / "sanitizers"
    ours: dict[str, str] = {}
    if suite.preset == "asan":
        # Open MPI keeps memory until the process ends; our own leaks still count.
        ours["LSAN_OPTIONS"] = f"suppressions={folder / 'lsan.supp'}:print_suppressions=0"
        ours["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
        if suite.full_stacks:
            ours["ASAN_OPTIONS"] = "fast_unwind_on_malloc=0"
    if suite.preset == "tsan":
        ours["TSAN_OPTIONS"] = "ignore_noninstrumented_modules=1:second_deadlock_stack=1"
        archer = sorted(Path("/usr/lib").glob("llvm-*/lib/libarcher.so"))
        if archer:
            ours["OMP_TOOL_LIBRARIES"] = str(archer[-1])
    if os.geteuid() == 0:
        ours |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**ours, **compiler_cache.environment()}


def ctest(suite: Suite, label: str | None) -> Count:
    folder = build_dir(suite.preset)
    junit = folder / "ctest.xml"
    junit.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(folder), "--output-on-failure", "--no-tests=ignore"]
    command += ["--output-junit", str(junit), "--parallel", str(os.cpu_count() or 1)]
    for pattern in filter(None, (suite.only, label)):  # ctest takes the tests that match all
        command += ["-L", pattern]
    status = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment(suite), check=False
    ).returncode
    result = count(junit)
    if status != 0 and result.failed == 0:
        complain(f"ctest in {folder} ended with status {status}")
        result += Count(failed=1)
    return result


def one(preset: str, chosen: Sequence[Suite], label: str | None) -> Count:
    """Build and test; a build that fails counts as one failed test, so that the others still run."""
    if preset == "tsan" and shutil.which("clang++") is None:
        say("test: tsan: skipped, there is no clang++")
        return Count(skipped=1)
    try:
        build.build(preset, targets=[target for suite in chosen for target in suite.targets])
    except Failure as failure:
        complain(str(failure))
        return Count(failed=1)
    return sum((ctest(suite, label) for suite in chosen), Count())


def suites(preset: str | None, quick: bool) -> Sequence[Suite]:
    if preset is not None:
        # A sanitizer's own selection; any other build runs all its tests.
        return [suite for suite in EVERYTHING if suite.preset == preset] or [Suite(preset)]
    return EVERYTHING[:1] if quick else EVERYTHING


def verb(preset: str | None, quick: bool, label: str | None) -> int:
    chosen = suites(preset, quick)
    setup.everything(tests=any(suite.preset == "tsan" for suite in chosen))
    total = Count()
    for preset, group in itertools.groupby(chosen, lambda suite: suite.preset):
        result = one(preset, list(group), label)
        say(f"test: {preset}: {result}")
        total += result
    say("")
    say(str(total))
    return 1 if total.failed or not total.passed else 0
