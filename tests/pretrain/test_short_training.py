"""Ten minutes of the training, on drawn scenes alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pretrain.train import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_ten_minutes_of_training_improve_boxes_and_clicks_on_scenes_it_never_saw(
    tmp_path: Path,
) -> None:
    main(["--out", str(tmp_path / "nano.safetensors"), "--work", str(tmp_path), "--minutes", "10"])
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    scores = [row["scores"] for row in rows if "scores" in row]
    first, last = scores[0], scores[-1]
    assert first["images"] == last["images"] == 24
    assert last["box"] > first["box"] + 0.2
    assert last["click"] > first["click"] + 0.1
