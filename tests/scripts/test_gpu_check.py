"""`tutti gpu-check` on machines in every state, without being on one; its table; its stand-in run."""

from __future__ import annotations

import json
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

from tutti_cli import gpu_apps, gpu_check, gpu_facts, gpu_report, gpu_table, gpu_torch
from tutti_cli.gpu_facts import Facts, Gpu
from tutti_cli.gpu_report import Report

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
    words = gpu_check.configure(replace(READY, hints=("/site/nvidia/cu13",)), "gpu-check")
    assert "-DCMAKE_CUDA_ARCHITECTURES=90" in words and "-DTUTTI_CUDA_HINTS=/site/nvidia/cu13" in words
    assert not any("HINTS" in word for word in gpu_check.configure(READY, "gpu-check"))


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
    """A folder with a gpu_check. Its parts, "one" and "two", are scripts there; their $6 is the JSON file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(gpu_check, "build_dir", lambda _preset: tmp_path)
    monkeypatch.setattr(gpu_check, "build", lambda _facts, _report, _apps: (folder, None))
    monkeypatch.setattr(gpu_facts, "gather", lambda: READY)
    script(
        folder / "gpu_check",
        'case $1 in --list) echo one; echo two;; *) exec "$(dirname "$0")/$2" "$@";; esac',
    )
    return folder


def script(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def found(passed: bool, *figures: dict[str, object]) -> str:
    check = {"name": "a kernel", "passed": passed, "detail": "seen"}
    report = {"device": "made up", "seed": "1", "checks": [check], "figures": figures, "left_out": []}
    return f"cat > \"$6\" <<'END'\n{json.dumps(report)}\nEND"


def kept(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "out" / "report.json").read_text())


def test_a_run_leaves_table_logs_and_json(
    stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(stand_in / "one", f"echo checking\n{found(True, figure('heat7', 9.5, 10, 0.92))}")
    script(stand_in / "two", f"{found(False)}\nexit 1")
    assert gpu_check.verb(str(tmp_path / "out"), "torch", None) == 1
    assert "made up: 1 checks passed, 1 failed" in capsys.readouterr().out
    assert (tmp_path / "out" / "parts" / "one.out").read_text() == "checking\n"
    assert kept(tmp_path)["left_out"][-1]["what"] == "PyTorch"
    assert ">= 0.92: yes" in (tmp_path / "out" / "table.txt").read_text()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("exec sleep 60", "no end after 8 s"),
        ("kill -SEGV $$", "it was ended by signal 11"),
        ("echo 'tutti: error: no CUDA device was found' >&2; exit 3", "status 3: no CUDA device was found"),
    ],
)
def test_a_part_that_fails_takes_nothing_along(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, why: str
) -> None:
    if end.startswith("exec"):
        monkeypatch.setattr(gpu_check, "PART_S", 8)
    script(stand_in / "one", f"{found(True, figure('early', 7))}\n{end}")
    script(stand_in / "two", found(True, figure("late", 8)))
    assert gpu_check.verb(str(tmp_path / "out"), None, None) == 1
    report = kept(tmp_path)
    assert [f["name"] for f in report["figures"]] == ["early", "late"]
    assert [c["passed"] for c in report["checks"]] == [True, False, True]
    assert report["checks"][1]["name"] == "one" and why in report["checks"][1]["detail"]
    assert "FAILED    one" in (tmp_path / "out" / "table.txt").read_text()


def test_when_the_time_is_over_parts_are_left_out(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_check, "ALL_S", 0)
    assert gpu_check.verb(str(tmp_path / "out"), None, str(stand_in)) == 0
    left_out = [item["what"] for item in kept(tmp_path)["left_out"]]
    assert left_out[:2] == ["one", "two"] and "heat: speed" in left_out


APP = """#!/usr/bin/env python3
import json, sys
words = sys.argv[1:]
device = "--device" in words
merits = {"cell_updates_per_s": 2e11, "copy_bandwidth_gb_s": 4000, "triad_gb_s": 4000, "rating_gflops": 600,
          "tokens_per_s": 5e5}
report = {"checksum": "0x1", "residual_history": ["0x1p-3"], "loss_history": ["0x1p+1", "0x1p+0"],
          "figures_of_merit": [{"name": k, "value": v} for k, v in merits.items()]}
if device:
    report["device_use"] = {"kernel_launches": 3}
WRONG
if "--benchmark" in words and FAILS:
    sys.exit("tutti: error: out of everything")
open(words[words.index("--json") + 1], "w").write(json.dumps(report))
"""


def apps(folder: Path, wrong: str = "", fails: bool = False) -> gpu_apps.Apps:
    for name in gpu_apps.APPS:
        program = folder / name
        program.write_text(APP.replace("WRONG", wrong).replace("FAILS", str(fails)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return gpu_apps.Apps(folder, 2)


def report_in(folder: Path) -> Report:
    return Report(folder, time.monotonic() + 600)


def test_apps_have_rows_beside_their_bounds(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    apps(tmp_path).parts(report)
    assert report.all_passed() and len(report.data["checks"]) == 5
    rows = {f["name"]: f for f in report.data["figures"]}
    heat = rows["heat 512^3, whole steps"]
    assert heat["value"] == pytest.approx(3200) and heat["bound"] == 4000 and heat["wanted"] == 0.92
    assert rows["HPCG's procedure 104^3: rating"]["bound"] == pytest.approx(0.156 * 4000)
    assert rows["gpt step"]["value"] == 5e5
    assert (tmp_path / "apps" / "heat-device.json").is_file()


def test_apps_that_compute_something_else_are_found(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    wrong = 'if device: report |= {"checksum": "0x2", "loss_history": ["0x1p+1", "0x1p+1"]}'
    apps(tmp_path, wrong, fails=True).parts(report)
    passed = {check["name"]: check["passed"] for check in report.data["checks"]}
    assert not passed["heat on the device"] and not passed["gpt on the device"]
    assert passed["cg with multigrid on the device"]
    why = next(check for check in report.data["checks"] if check["name"] == "cg: speed")
    assert not why["passed"] and "out of everything" in why["detail"]
    assert report.value("gpt step") == 5e5  # what came later was done


def test_kernels_that_ran_on_the_host_are_no_success(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    apps(tmp_path, 'if device: report["device_use"]["kernel_launches"] = 0').parts(report)
    assert not report.all_passed()


@pytest.mark.parametrize("apps_fail", [False, True])
def test_without_the_libraries_the_checks_are_built_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apps_fail: bool
) -> None:
    asked = []

    def done(command: list[str], log: Path, preset: str) -> bool:
        asked.append((preset, "--build" in command))
        log.write_text("CMake Error at Dependencies:\n  fmt was not found. apt-get install libfmt-dev.\n")
        return not apps_fail or preset == gpu_check.ALONE

    monkeypatch.setattr(gpu_check, "done", done)
    report = report_in(tmp_path)
    checks, programs = gpu_check.build(READY, report, True)
    assert checks.parent.name == (gpu_check.ALONE if apps_fail else gpu_check.WITH_APPS)
    assert programs == (None if apps_fail else checks)
    assert asked[-1] == (gpu_check.ALONE if apps_fail else gpu_check.WITH_APPS, True)
    assert ("libfmt-dev" in str(report.data["left_out"])) == apps_fail


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
    report = report_in(tmp_path)
    gpu_check.against_torch(sys.executable, None, report)
    assert report.data["left_out"] == [], (tmp_path / "torch.log").read_text()
    figures = report.data["figures"]
    assert [f["unit"] for f in figures] == ["GB/s", "TFLOP/s", "TFLOP/s"]
    assert figures[0]["value"] == pytest.approx(2 * 3 / 2e-3 * 1e-9)


def test_a_pytorch_that_fails_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it said before: this one has no nets."""
    (tmp_path / "torch.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = report_in(tmp_path)
    gpu_check.against_torch(sys.executable, gpu_apps.Apps(tmp_path, 1), report)
    assert len(report.data["figures"]) == 3 and report.data["left_out"][0]["what"] == "PyTorch"
    assert "set_default_device" in report.data["left_out"][0]["why"]


def test_a_gpt_step_is_compared_with_that_of_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = gpu_report.figure("gpt step", 4e5, "tokens/s")
    theirs = gpu_report.figure("PyTorch compiled: gpt step", 5e5, "tokens/s")
    report = report_in(tmp_path)
    report.figures(ours)
    python = tmp_path / "python"
    script(python, f"echo 'a word'; echo '{json.dumps(theirs)}'; test \"$5\" = tf32")
    report.data["gpt_precision"] = "tf32"
    gpu_check.against_torch(str(python), gpu_apps.Apps(tmp_path, 1), report)
    assert report.data["left_out"] == []
    assert report.data["figures"][0]["bound"] == 5e5
    assert "NO" in "\n".join(report.save())  # 0.8 where 1.05 was wanted


def test_the_step_of_pytorch_trains_the_same_net() -> None:
    torch = pytest.importorskip("torch")
    gpt = {"layers": 1, "heads": 2, "width": 16, "context": 8, "batch": 2}
    for precision in ("float32", "bf16"):
        gpu_torch.training_step(torch, gpt, precision, compiled=False)()


def test_unknown_comparison_is_bad_usage(tutti: Run) -> None:
    assert tutti("gpu-check", "--against", "other").returncode == 2
