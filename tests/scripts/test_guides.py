"""What the guides show is what is compiled and tested."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = {
    "README.md": ["first_program.cpp"],
    "kernels/README.md": ["advection/upwind.hpp", "advection/upwind_test.cpp"],
    "miniapps/README.md": ["advection/advection.cpp"],
}


@pytest.mark.parametrize("guide", GUIDES)
def test_programs_are_the_tested_ones(guide: str) -> None:
    shown = [block.split("```")[0] for block in (ROOT / guide).read_text().split("```cpp\n")[1:]]
    tested = [(ROOT / "tests/apps" / name).read_text().split("\n", 1)[1] for name in GUIDES[guide]]
    assert shown == tested  # but for the first line, which says where the file is shown
