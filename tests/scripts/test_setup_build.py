"""Setup, build and the counting of tests, each with what surrounds it replaced."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest

from tutti_cli import build, compiler_cache, main, packages, python_env, setup
from tutti_cli import test as verb
from tutti_cli.common import ROOT, Failure


def test_missing_takes_apt_or_what_is_found_elsewhere() -> None:
    needs = [
        packages.Need("a", ("liba-dev", "liba2-dev"), "a"),
        packages.Need("b", ("libb-dev",), "b"),
        packages.Need("c", ("libc-dev",), "c"),
    ]

    def have(names: Iterable[str]) -> set[str]:
        return {"liba2-dev"} & set(names)

    lacking = packages.missing(needs, have, lambda need: need.what == "c")
    assert [need.what for need in lacking] == ["b"]


def test_without_root_the_missing_things_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    need = packages.Need("hwloc", ("libhwloc-dev",), "hwloc")
    monkeypatch.setattr(packages, "missing", lambda _needs: [need])
    monkeypatch.setattr(setup, "as_root", lambda: None)
    with pytest.raises(Failure, match="apt-get install libhwloc-dev") as caught:
        setup.system(tests=False)
    assert caught.value.status == 3
    assert "Spack: hwloc" in str(caught.value) and "cmake --preset release" in str(caught.value)


def test_optional_things_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need = packages.Need("Kokkos", ("libkokkos-dev",), "kokkos", optional=True)
    monkeypatch.setattr(packages, "missing", lambda _needs: [need])
    monkeypatch.setattr(packages, "cmake_too_old", lambda: "")
    monkeypatch.setattr(setup, "as_root", lambda: None)
    setup.system(tests=False)
    assert "Kokkos: not found, going on without it" in capsys.readouterr().out


def test_an_install_asks_apt_for_the_first_name_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(setup, "apt", lambda _prefix, *words: calls.append(words))
    monkeypatch.setattr(packages, "available", lambda name: name == "libkokkos-dev")
    need = packages.Need("Kokkos", ("libtrilinos-kokkos-dev", "libkokkos-dev"), "kokkos", optional=True)
    setup.install([need], [])
    assert calls[0] == ("update",)
    assert calls[1][-1] == "libkokkos-dev"


def test_the_environment_is_remade_when_the_requirements_change(tmp_path: Path) -> None:
    assert not python_env.up_to_date(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    (tmp_path / python_env.STAMP).write_text(python_env.fingerprint() + "\n")
    assert python_env.up_to_date(tmp_path)
    (tmp_path / python_env.STAMP).write_text("another")
    assert not python_env.up_to_date(tmp_path)


def test_requirements_are_pinned() -> None:
    lines = python_env.REQUIREMENTS.read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in line for line in wanted)
    assert {line.split("==")[0].lower() for line in wanted} >= {*python_env.MODULES, "ruff"}


def test_definitions_for_cmake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Kokkos_ROOT", "Kokkos_DIR", "CMAKE_PREFIX_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages, "has_apt", lambda: True)
    monkeypatch.setattr(packages, "kokkos_from_apt", lambda: False)
    assert build.definitions("release", []) == ["-DTUTTI_KOKKOS=OFF"]
    assert build.definitions("release", ["-DKokkos_ROOT=/opt/k"]) == ["-DKokkos_ROOT=/opt/k"]
    assert build.definitions("minimal", []) == []
    assert build.definitions("fuzz", []) == []
    with pytest.raises(Failure, match="unexpected argument"):
        build.definitions("release", ["-G", "Ninja"])


def test_the_cache_of_compilers_leaves_what_the_caller_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*compiler_cache.LAUNCHERS, "CCACHE_BASEDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compiler_cache.shutil, "which", lambda _name: None)
    assert not set(compiler_cache.LAUNCHERS) & set(compiler_cache.environment())
    monkeypatch.setattr(compiler_cache.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert compiler_cache.environment()["CMAKE_CXX_COMPILER_LAUNCHER"] == "ccache"
    assert compiler_cache.environment()["CCACHE_BASEDIR"] == str(ROOT)
    monkeypatch.setenv("CCACHE_BASEDIR", "/somewhere")
    assert compiler_cache.environment()["CCACHE_BASEDIR"] == "/somewhere"
    monkeypatch.setenv("CMAKE_CXX_COMPILER_LAUNCHER", "")
    assert compiler_cache.environment()["CMAKE_CXX_COMPILER_LAUNCHER"] == ""


def test_the_end_of_a_log_starts_at_the_first_error(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("\n".join(["-- ok"] * 50 + ["CMake Error at CMakeLists.txt:3", "  no MPI"] + ["x"] * 50))
    assert build.ending(log)[:2] == ["CMake Error at CMakeLists.txt:3", "  no MPI"]
    log.write_text("\n".join([f"line {i}" for i in range(100)]))
    assert build.ending(log)[-1] == "line 99" and len(build.ending(log)) == build.TAIL


def test_steps_of_a_build(capsys: pytest.CaptureFixture[str]) -> None:
    steps = build.Steps("release", io.StringIO())
    for text in ("-- Configuring done", "[0/2] Re-checking globbed directories...", "ninja: no work to do."):
        steps.line(text)
    assert not steps.worked
    steps.line("[1/7] Building CXX object a.o")
    steps.line("[2/7] Building CXX object b.o")
    assert steps.worked and capsys.readouterr().out == "build: release: 7 steps\n"


JUNIT = """<?xml version="1.0"?>
<testsuite name="x" tests="4" failures="1" disabled="0" skipped="1">
  <testcase name="a" status="run"/>
  <testcase name="b" status="fail"><failure message="Failed"/></testcase>
  <testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
  <testcase name="d" status="run"/>
</testsuite>"""


def test_count(tmp_path: Path) -> None:
    file = tmp_path / "ctest.xml"
    assert verb.count(file) == verb.Count()
    file.write_text(JUNIT)
    assert str(verb.count(file)) == "2 passed, 1 failed, 1 skipped"
    assert str(verb.Count(passed=3)) == "3 passed, 0 failed"


def run_verb(monkeypatch: pytest.MonkeyPatch, counts: dict[str, verb.Count], *arguments: object) -> int:
    """test.verb with builds and ctest replaced; a preset without a count fails to build."""

    def built(preset: str, targets: list[str]) -> None:
        assert bool(targets) == (preset != "release")
        if preset not in counts:
            raise Failure("build failed", 1)

    monkeypatch.setattr(setup, "everything", lambda tests: None)
    monkeypatch.setattr(build, "build", built)
    monkeypatch.setattr(verb.shutil, "which", lambda _name: "/usr/bin/clang++")
    monkeypatch.setattr(verb, "ctest", lambda suite, _label: counts[suite.preset])
    return verb.verb(*arguments)  # type: ignore[arg-type]


def test_all_builds_are_added_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {name: verb.Count(passed=2) for name in ("release", "asan", "tsan")}
    counts["minimal"] = verb.Count(passed=1, skipped=1)
    assert run_verb(monkeypatch, counts, None, False, None) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "9 passed, 0 failed, 1 skipped"


def test_a_build_that_fails_counts_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(monkeypatch, {"release": verb.Count(passed=5)}, None, False, None) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 3 failed"


def test_no_test_at_all_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(monkeypatch, {"release": verb.Count()}, None, True, None) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_a_real_ctest_run_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = [
        'add_test(good "/bin/true")',
        'add_test(bad "/bin/false")',
        'add_test(other "/bin/true")',
        'set_tests_properties(good bad PROPERTIES LABELS "unit")',
    ]
    (tmp_path / "CTestTestfile.cmake").write_text("\n".join(tests))
    monkeypatch.setattr(verb, "build_dir", lambda _preset: tmp_path)
    assert verb.ctest(verb.Suite("release"), None) == verb.Count(passed=2, failed=1)
    assert verb.ctest(verb.Suite("release", only="^unit$"), None) == verb.Count(passed=1, failed=1)
    assert verb.ctest(verb.Suite("release", only="^unit$"), "nothing") == verb.Count()


def test_cuda_is_a_preset_with_architectures() -> None:
    assert build.with_cuda("release", False, None, ["-DA=1"]) == ("release", ["-DA=1"])
    assert build.with_cuda("release", True, "80;90a", []) == ("cuda", ["-DCMAKE_CUDA_ARCHITECTURES=80;90a"])
    for preset, cuda, architectures in (
        ("asan", True, None),
        ("release", False, "90"),
        ("cuda", True, "sm_90"),
    ):
        with pytest.raises(Failure) as caught:
            build.with_cuda(preset, cuda, architectures, [])
        assert caught.value.status == 2


@pytest.mark.parametrize(
    "words", (["bench"], ["metg"], ["demo"], ["plot", "loss", "f"], ["study", "report", "d"])
)
def test_verbs_that_need_packages_run_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    class Entered(Exception):
        pass

    def enter(arguments: list[str]) -> None:
        raise Entered(arguments)

    monkeypatch.setattr(setup, "everything", lambda tests: None)
    monkeypatch.setattr(python_env, "enter", enter)
    with pytest.raises(Entered) as caught:
        main.dispatch(words)
    assert caught.value.args == (words,)
