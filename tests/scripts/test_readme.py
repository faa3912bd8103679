"""What the README shows is what is compiled and tested."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_program_is_the_tested_one() -> None:
    shown = (ROOT / "README.md").read_text().split("```cpp\n")[1].split("```")[0]
    tested = (ROOT / "tests/apps/first_program.cpp").read_text().split("\n", 1)[1]
    assert shown == tested
