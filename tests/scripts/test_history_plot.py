"""`tutti plot`: histories from both kinds of files."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from tutti_cli import history_plot
from tutti_cli.common import Failure

CG = {"config": {"grid": [8, 8, 8], "solver": "pcg", "preconditioner": "mg"}}
TRAIN = {"config": {"model": "mlp"}}
HISTORY = [1.0, 0.125, 1e-3]
SERIES = {"step": [0.0, 2.0], "loss": [0.9, 0.01]}


def files(folder: Path, about: dict[str, object], name: str) -> list[Path]:
    text, binary = folder / "run.json", folder / "run.h5"
    series = {"series": {"validation": SERIES}}
    text.write_text(json.dumps(about | series | {name: [v.hex() for v in HISTORY]}))
    with h5py.File(binary, "w") as f:
        f[name] = HISTORY
        f["validation_step"], f["validation_loss"] = SERIES["step"], SERIES["loss"]
        f["tutti/provenance"] = json.dumps(about)
    return [text, binary]


def test_residuals_from_both_kinds_of_files(tmp_path: Path) -> None:
    text, binary = files(tmp_path, CG, "residual_history")
    series = history_plot.read("residual", text)
    assert [one.values for one in series] == [HISTORY] and series == history_plot.read("residual", binary)
    made = history_plot.plot("residual", [text, binary], tmp_path / "residual")
    assert [p.name for p in made] == ["residual.png", "residual.svg"]
    drawn = made[1].read_text()
    assert "run.json: 8 x 8 x 8, pcg, mg" in drawn and "iteration" in drawn
    assert made[0].read_bytes().startswith(b"\x89PNG")


def test_losses_from_both_kinds_of_files(tmp_path: Path) -> None:
    text, binary = files(tmp_path, TRAIN, "loss_history")
    batches, validation = history_plot.read("loss", text)
    assert batches.values == HISTORY
    assert (validation.steps, validation.values) == (SERIES["step"], SERIES["loss"])
    assert [batches, validation] == history_plot.read("loss", binary)
    assert "run.h5: mlp, validation" in history_plot.plot("loss", [binary], tmp_path / "loss")[1].read_text()


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "heat.json"
    file.write_text(json.dumps(CG))
    with pytest.raises(Failure, match="no residual history of cg") as refused:
        history_plot.read("residual", file)
    assert "\n" not in str(refused.value)
