"""`tutti setup`: system packages with apt, Python packages into .venv; nothing is done twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from . import packages, python_env
from .common import Failure, say


def as_root() -> list[str] | None:
    """The words before apt-get that make it run as root, or None where that is not possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    if sys.stdin is not None and sys.stdin.isatty():
        return ["sudo"]
    works = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    return ["sudo", "-n"] if works else None


def apt(prefix: list[str], *words: str) -> None:
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    command = [*prefix, *environment, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *words]
    done = subprocess.run(
        command, stdin=None if prefix == ["sudo"] else subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failure(f"apt-get {' '.join(words)} failed: {lines[-1] if lines else 'no message'}")


def explain(lacking: list[packages.Need]) -> str:
    lines = ["these are missing and cannot be installed from here:"]
    lines += [f"  {need.what:18} apt: {need.apt[0]:24} Spack: {need.spack}" for need in lacking]
    names = " ".join(need.apt[0] for need in lacking)
    lines.append(f"  Debian or Ubuntu, as root: apt-get install {names}")
    lines.append("  modules or Spack: load them (CMAKE_PREFIX_PATH and PKG_CONFIG_PATH are searched), then")
    lines.append("    cmake --preset release && cmake --build --preset release")
    return "\n".join(lines)


def system(tests: bool) -> None:
    """Install what is missing; optional things that apt does not have are named and left out."""
    lacking = packages.missing(packages.wanted(tests))
    required = [need for need in lacking if not need.optional]
    prefix = as_root() if packages.has_apt() else None
    if lacking and prefix is None:
        if required:
            raise Failure(explain(required))
        for need in lacking:
            say(f"setup: {need.what}: not found, going on without it")
    elif lacking and prefix is not None:
        install(lacking, prefix)
    old = packages.cmake_too_old()
    if old:
        raise Failure(f"CMake {old} is too old, 3.25 or newer is needed (pip install cmake, or Spack)")


def install(lacking: list[packages.Need], prefix: list[str]) -> None:
    # Optional things that apt was found not to have would otherwise cost an update each time.
    if all(need.optional for need in lacking) and not any(map(choose, lacking)):
        return
    say("setup: apt-get update")
    apt(prefix, "update")
    for need in lacking:
        name = choose(need)
        if name is None and need.optional:
            say(f"setup: {need.what}: apt has none, going on without it")
            continue
        if name is None:
            raise Failure(explain([need]))
        say(f"setup: {need.what}: apt-get install {name}")
        apt(prefix, "install", "-y", "--no-install-recommends", name)


def choose(need: packages.Need) -> str | None:
    return next((name for name in need.apt if packages.available(name)), None)


def python() -> None:
    """Make .venv with the pinned packages, or with the distribution's where PyPI is out of reach."""
    if python_env.up_to_date():
        return
    say(f"setup: Python packages: pip install -r {python_env.REQUIREMENTS.name} into .venv")
    reason = python_env.from_pypi()
    if reason is None:
        return
    say(f"setup: Python packages: PyPI is out of reach or does not fit ({reason}); taking the system's")
    lacking = [name for name in packages.PYTHON_FROM_APT if name not in packages.installed([name])]
    prefix = as_root() if packages.has_apt() else None
    if lacking and prefix is not None:
        apt(prefix, "update")
        for name in lacking:
            say(f"setup: Python packages: apt-get install {name}")
            apt(prefix, "install", "-y", "--no-install-recommends", name)
    reason = python_env.from_system()
    if reason is not None:
        raise Failure(
            f"the Python packages of {python_env.REQUIREMENTS} are missing ({reason}): install them with pip,"
            f" or as root: apt-get install {' '.join(packages.PYTHON_FROM_APT)}"
        )


def everything(tests: bool) -> None:
    system(tests)
    python()


def verb(tests: bool) -> int:
    everything(tests)
    say("setup: everything is there")
    return 0
