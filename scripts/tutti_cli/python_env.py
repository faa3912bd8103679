"""The virtual environment .venv: made from pinned requirements or on top of the system's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .common import ROOT, VENV

REQUIREMENTS = ROOT / "scripts" / "requirements.txt"
STAMP = "tutti-stamp"
MODULES = ("numpy", "h5py", "pandas", "matplotlib", "jinja2", "pytest")


def fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def up_to_date(venv: Path = VENV) -> bool:
    stamp = venv / STAMP
    return (
        stamp.is_file() and (venv / "bin" / "python").exists() and stamp.read_text().strip() == fingerprint()
    )


def base_python() -> str:
    """The system's interpreter where it can make environments (it sees apt's packages), else this one."""
    system = "/usr/bin/python3"
    probe = "import sys, ensurepip; sys.exit(sys.version_info < (3, 10))"
    if not os.access(system, os.X_OK):
        return sys.executable
    works = subprocess.run([system, "-c", probe], capture_output=True, check=False).returncode == 0
    return system if works else sys.executable


def from_pypi(venv: Path = VENV) -> str | None:
    """None if everything is in place afterwards, else the reason in a few words."""
    reason = create(venv)
    if reason is not None:
        return reason
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--retries", "2", "--timeout", "30", "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return last_line(done.stderr)
    (venv / STAMP).write_text(fingerprint() + "\n")
    return None


def from_system(venv: Path = VENV) -> str | None:
    reason = create(venv, "--system-site-packages")
    if reason is not None:
        return reason
    imports = "import " + ", ".join(MODULES)
    done = subprocess.run([str(venv / "bin" / "python"), "-c", imports], capture_output=True, text=True)
    if done.returncode != 0:
        return last_line(done.stderr)
    (venv / STAMP).write_text(fingerprint() + "\n")
    return None


def create(venv: Path, *options: str) -> str | None:
    if venv.exists():
        shutil.rmtree(venv)
    command = [base_python(), "-m", "venv", *options, str(venv)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return last_line(done.stdout + done.stderr) if done.returncode != 0 else None


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def inside(venv: Path = VENV) -> bool:
    return Path(sys.prefix).resolve() == venv.resolve()


def enter(arguments: list[str], venv: Path = VENV) -> None:
    """Start this command again with the environment's Python; does not return unless already there."""
    if not inside(venv):
        python = str(venv / "bin" / "python")
        sys.stdout.flush()
        os.execv(python, [python, str(ROOT / "scripts" / "tutti"), *arguments])
