"""What `tutti gpu-check` needs of a machine: nvcc, CMake, Ninja, a device; and what it can use beside."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TOOLKIT = Path("/usr/local/cuda")


@dataclass(frozen=True)
class Gpu:
    name: str  # "NVIDIA H100 80GB HBM3"
    capability: str  # "9.0"
    driver: str


@dataclass(frozen=True)
class Facts:
    """The defaults are those of an empty machine."""

    nvcc: str = ""  # its path
    compiler: str = ""
    cmake: str = ""
    generator: str = ""  # ninja's path
    gpus: tuple[Gpu, ...] = ()
    hints: tuple[str, ...] = ()  # folders of Python packages with NVIDIA's libraries
    torch_python: str = ""  # a Python that has PyTorch


def lacks(facts: Facts) -> str | None:
    """In one line, the first thing without which nothing can be checked."""
    if not facts.nvcc:
        return "gpu-check: no nvcc was found; load a module with CUDA 12 or newer, or put nvcc on PATH"
    for what, path, package in (
        ("C++ compiler", facts.compiler, "g++"),
        ("CMake", facts.cmake, "cmake"),
        ("Ninja", facts.generator, "ninja-build"),
    ):
        if not path:
            return f"gpu-check: no {what} was found; apt-get install {package}, or load its module"
    if not facts.gpus:
        return (
            "gpu-check: no CUDA device was found; run it on a machine with a GPU (nvidia-smi has to list it)"
        )
    return None


def architectures(facts: Facts) -> str:
    """For CMake: the devices' own, "90" or "80;90"."""
    return ";".join(sorted({gpu.capability.replace(".", "") for gpu in facts.gpus}))


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """From `nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader`."""
    rows = [[word.strip() for word in line.split(",")] for line in text.splitlines() if line.strip()]
    return tuple(Gpu(*row) for row in rows if len(row) == 3 and row[1].replace(".", "").isdigit())


def find_gpus() -> tuple[Gpu, ...]:
    command = ["nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_gpus(done.stdout) if done.returncode == 0 else ()


def find_nvcc() -> str:
    homes = [Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    there = [str(home / "bin" / "nvcc") for home in (*homes, TOOLKIT) if (home / "bin" / "nvcc").is_file()]
    return shutil.which("nvcc") or (there[0] if there else "")


def python_libraries() -> tuple[str, ...]:
    """Folders of the packages nvidia-cublas, nvidia-cusparse, ... where this Python has them."""
    spec = importlib.util.find_spec("nvidia")
    found = [path for top in (spec.submodule_search_locations if spec else None) or () for path in inner(top)]
    return tuple(str(path) for path in found)


def inner(top: str) -> list[Path]:
    return sorted(path for path in Path(top).iterdir() if (path / "lib").is_dir())


def python_with_torch() -> str:
    for name in ("python3", "python"):
        path = shutil.which(name)
        if path is not None:
            command = [path, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return path
    return ""


def gather() -> Facts:
    return Facts(
        nvcc=find_nvcc(),
        compiler=shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or "",
        cmake=shutil.which("cmake") or "",
        generator=shutil.which("ninja") or "",
        gpus=find_gpus(),
        hints=python_libraries(),
        torch_python=python_with_torch(),
    )
