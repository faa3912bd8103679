"""`tutti plot residual`: histories from both kinds of files."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from tutti_cli import residual_plot
from tutti_cli.common import Failure

ABOUT = {"config": {"grid": [8, 8, 8], "solver": "pcg", "preconditioner": "mg"}}
HISTORY = [1.0, 0.125, 1e-3]


def test_both_kinds_of_files_give_the_same_history(tmp_path: Path) -> None:
    text, binary = tmp_path / "run.json", tmp_path / "run.h5"
    text.write_text(json.dumps(ABOUT | {"residual_history": [v.hex() for v in HISTORY]}))
    with h5py.File(binary, "w") as f:
        f["residual_history"] = HISTORY
        f["tutti/provenance"] = json.dumps(ABOUT)
    assert residual_plot.read(text)[1] == residual_plot.read(binary)[1] == HISTORY
    made = residual_plot.plot([text, binary], tmp_path / "residual")
    assert [p.name for p in made] == ["residual.png", "residual.svg"]
    drawn = made[1].read_text()
    assert "run.json: 8 x 8 x 8, pcg, mg" in drawn and "iteration" in drawn
    assert made[0].read_bytes().startswith(b"\x89PNG")


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "heat.json"
    file.write_text(json.dumps(ABOUT))
    with pytest.raises(Failure, match="no residual history of cg") as refused:
        residual_plot.read(file)
    assert "\n" not in str(refused.value)
