"""Ten minutes of the training and five of the refiner's, on drawn scenes alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from napari_catsam import load_model
from pretrain.train import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_ten_minutes_of_training_improve_boxes_and_clicks_on_scenes_it_never_saw(
    tmp_path: Path,
) -> None:
    out = tmp_path / "nano.safetensors"
    # About 300 and 250 steps where two cores know neither AVX-512 nor bfloat16; fewer teach too little.
    times = ["--minutes", "10", "--refine-minutes", "5"]
    main(["--out", str(out), "--work", str(tmp_path), *times])
    rows = read_rows(tmp_path / "log.jsonl")
    scores = [row["scores"] for row in rows if "scores" in row]
    first, last = scores[0], scores[-1]
    assert first["images"] == last["images"] == 24
    assert last["box"] > first["box"] + 0.2
    assert last["click"] > first["click"] + 0.1
    refined = read_rows(tmp_path / "looks" / "refine.jsonl")[-1]
    assert refined["box"] > refined["box_before"] + 0.02
    assert load_model("vit_nano", checkpoint=out).mask_decoder.refiner.leave.weight.any()


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
