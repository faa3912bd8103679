"""`tutti gpu-check` on machines in every state, without being on one; its table; its stand-in run."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

from tutti_cli import gpu_check, gpu_facts, gpu_table
from tutti_cli.common import Failure
from tutti_cli.gpu_facts import Facts, Gpu

H100 = Gpu("NVIDIA H100 80GB HBM3", "9.0", "580.1")
READY = Facts(nvcc="/cuda/bin/nvcc", compiler="c++", cmake="cmake", generator="ninja", gpus=(H100,))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"nvcc": ""}, "no nvcc"),
        ({"compiler": ""}, "apt-get install g++"),
        ({"cmake": ""}, "no CMake"),
        ({"generator": ""}, "ninja-build"),
        ({"gpus": ()}, "no CUDA device"),
    ],
)
def test_what_is_missing_is_said_in_one_line(changes: dict[str, object], text: str) -> None:
    line = gpu_facts.lacks(replace(READY, **changes))
    assert line is not None and text in line and "\n" not in line


def test_a_ready_machine_lacks_nothing() -> None:
    assert gpu_facts.lacks(READY) is None
    assert gpu_facts.lacks(Facts()) is not None


def test_devices_and_their_architectures() -> None:
    text = "NVIDIA H100 80GB HBM3, 9.0, 580.1\nNVIDIA A100, 8.0, 580.1\nNVIDIA A100, 8.0, 580.1\n"
    gpus = gpu_facts.parse_gpus(text)
    assert gpus[0] == H100 and len(gpus) == 3
    assert gpu_facts.architectures(replace(READY, gpus=gpus)) == "80;90"
    assert gpu_facts.parse_gpus("NVIDIA-SMI has failed because it couldn't communicate\n") == ()


def test_the_build_is_for_this_device_and_finds_libraries_of_python() -> None:
    words = gpu_check.configure(replace(READY, hints=("/site/nvidia/cu13",)))
    assert "-DCMAKE_CUDA_ARCHITECTURES=90" in words and "-DTUTTI_CUDA_HINTS=/site/nvidia/cu13" in words
    assert not any("HINTS" in word for word in gpu_check.configure(READY))


def figure(name: str, value: float, bound: float = 0, wanted: float = 0) -> dict[str, object]:
    names = {"bound_name": "copy bandwidth" if bound else "", "bound": bound, "wanted": wanted}
    return {"name": name, "value": value, "unit": "GB/s", **names}


REPORT = {
    "device": "made up",
    "seed": "1",
    "checks": [
        {"name": "tuned heat7", "passed": True, "detail": "8 values, the host's bits"},
        {"name": "tuned dot", "passed": False, "detail": "1 of 8 values differ"},
    ],
    "figures": [figure("copy", 10), figure("heat7", 9.5, 10, 0.92), figure("spmv", 5, 10, 0.8)],
    "left_out": [{"what": "cuSPARSE", "why": "not there"}],
}


def test_the_table_has_bounds_and_verdicts() -> None:
    lines = gpu_table.table(REPORT)
    assert lines[1].split() == ["copy", "10", "GB/s"]
    assert "0.950" in lines[2] and ">= 0.92: yes" in lines[2]
    assert "0.500" in lines[3] and ">= 0.8: NO" in lines[3]
    assert lines[4].startswith("FAILED    tuned dot") and lines[5].startswith("left out  cuSPARSE")
    assert lines[-1] == "made up: 1 checks passed, 1 failed"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gpu_check that does what the script written to it does; $2 is the JSON file."""
    program = tmp_path / "bin" / "gpu_check"
    program.parent.mkdir()
    monkeypatch.setattr(gpu_check, "build_dir", lambda _preset: tmp_path)
    monkeypatch.setattr(gpu_check, "build", lambda _facts, _log: None)
    monkeypatch.setattr(gpu_facts, "gather", lambda: READY)
    return program


def script(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_run_leaves_table_log_and_json(
    stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(stand_in, f"echo checking\ncat > \"$2\" <<'END'\n{json.dumps(REPORT)}\nEND\nexit 1")
    assert gpu_check.verb(str(tmp_path / "out"), "torch") == 1
    assert "1 checks passed, 1 failed" in capsys.readouterr().out
    assert (tmp_path / "out" / "gpu_check.log").read_text() == "checking\n"
    kept = json.loads((tmp_path / "out" / "report.json").read_text())
    assert kept["left_out"][-1]["what"] == "PyTorch"
    assert ">= 0.92: yes" in (tmp_path / "out" / "table.txt").read_text()


def test_a_run_without_a_report_ends_with_its_last_line(stand_in: Path, tmp_path: Path) -> None:
    script(stand_in, "echo 'tutti: error: no CUDA device was found (no driver)' >&2; exit 3")
    with pytest.raises(Failure) as caught:
        gpu_check.verb(str(tmp_path / "out"), None)
    assert caught.value.status == 3 and "no CUDA device was found (no driver)" in str(caught.value)


def test_without_a_device_the_verb_says_so(tutti: Run) -> None:
    if gpu_facts.find_gpus():
        pytest.skip("this machine has a GPU")
    done = tutti("gpu-check")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("tutti: error: gpu-check: no ")
    assert done.stdout == ""


TORCH = """
import statistics
from types import SimpleNamespace as Names

statistics.median  # the standard library's, not a module of the command
float64 = float32 = bfloat16 = "a type"

class Array:
    nbytes = 3
    def to(self, kind): return self
    def copy_(self, other): pass
    def __matmul__(self, other): pass

class Event:
    def __init__(self, enable_timing): pass
    def record(self): pass
    def synchronize(self): pass
    def elapsed_time(self, end): return 2.0

def randn(*shape, **where): return Array()
def empty_like(array): return Array()
cuda = Names(Event=Event)
backends = Names(cuda=Names(matmul=Names(allow_tf32=False)))
"""


def test_figures_of_pytorch_join_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report: dict[str, Any] = {"figures": [], "left_out": []}
    gpu_check.against_torch(sys.executable, report, tmp_path)
    assert report["left_out"] == [], (tmp_path / "torch.log").read_text()
    assert [f["unit"] for f in report["figures"]] == ["GB/s", "TFLOP/s", "TFLOP/s"]
    assert report["figures"][0]["value"] == pytest.approx(2 * 3 / 2e-3 * 1e-9)


def test_a_pytorch_that_fails_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report: dict[str, Any] = {"figures": [], "left_out": []}
    gpu_check.against_torch(sys.executable, report, tmp_path)
    assert report["figures"] == [] and report["left_out"][0]["what"] == "PyTorch"
    assert "broken" in (tmp_path / "torch.log").read_text()


def test_unknown_comparison_is_bad_usage(tutti: Run) -> None:
    assert tutti("gpu-check", "--against", "other").returncode == 2
