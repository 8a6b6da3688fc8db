"""The library behind the widget, with the real test backbone."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import CheckpointError
from napari_catsam.models import loading
from napari_catsam.plugin.device.engine import Engine, ModelChoice, ShotSource
from napari_catsam.plugin.device.library import METHODS, Library
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.sam.weight_files import WEIGHTS
from napari_catsam.types import Intensity, Progress

BASE = ModelChoice("tiny", "cpu")


def finish(steps: Generator[Any, bool | None, Any]) -> tuple[list[Any], Any]:
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


def test_segment_adapt_save_load_and_segment_again(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 4000, (40, 50)).astype(np.uint16)
    labels = np.zeros((40, 50), int)
    labels[5:15, 5:20], labels[20:35, 20:40] = 1, 2
    plane = Plane(
        image, (slice(None),) * 2, (0, 1), (40, 50), Intensity("limits", 100, 3000), "noise"
    )
    prompts = PromptSet(
        boxes=np.array([[5.0, 5, 15, 20]]),
        outlines=(np.array([[20.0, 20], [35, 20], [35, 40]]),),
        points=np.array([[10.0, 10], [30, 30]]),
        negatives=np.array([[1.0, 45]]),
    )
    engine = Engine(Library())
    _, objects = finish(engine.segment(BASE, plane, prompts))
    assert len(objects) == 4
    source = ShotSource(plane, labels, (0.5, 0.5))
    told, adapter = finish(engine.adapt(BASE, source, method="cat-a", budget=1))
    assert any(isinstance(value, Progress) for value in told)
    assert adapter.header.intensity == plane.intensity
    assert adapter.header.pixel_size == (0.5, 0.5)
    _, path = finish(engine.save_adapter(adapter, tmp_path / "a.safetensors"))
    _, loaded = finish(engine.load_adapter(path, BASE))
    assert loaded.sha256 == adapter.sha256
    _, path = finish(engine.save_adapter(adapter, tmp_path / "b.safetensors", "my words"))
    _, noted = finish(engine.load_adapter(path, BASE))
    assert noted.header.note == f"my words; {adapter.header.note}"
    assert noted.sha256 == adapter.sha256
    _, objects = finish(engine.segment(ModelChoice("tiny", "cpu", loaded), plane, prompts))
    assert len(objects) == 4


def test_device_and_memory_are_those_of_the_model() -> None:
    library = Library()
    model = library.load_model("tiny", "cpu", "fp32")
    held = sum(tensor.nbytes for tensor in model.state_dict().values())
    assert library.device_of(model) == "cpu"
    assert library.measure_memory(model, 1000) == held + 1000


def test_the_precision_is_that_of_the_image_encoder() -> None:
    model = Library().load_model("tiny", "cpu", "bf16")
    assert str(model.encoder_dtype) == "torch.bfloat16"


def test_weights_are_taken_from_the_folder_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(loading, "load_model", lambda *choice: asked.append(choice))
    path = tmp_path / WEIGHTS["vit_b"].file_name
    Library().load_model("vit_b", "cpu", "auto", str(tmp_path))
    path.write_bytes(b"truncated")
    with pytest.raises(CheckpointError, match="9 bytes, expected 375,042,383; remove or replace"):
        Library().load_model("vit_b", "cpu", "auto", str(tmp_path))
    row = replace(WEIGHTS["vit_b"], size=9, sha256=None)
    monkeypatch.setitem(WEIGHTS, "vit_b", row)
    Library().load_model("vit_b", "cpu", "auto", str(tmp_path))
    Library().load_model("vit_nano", "cpu", "auto", str(tmp_path))
    assert [choice[2] for choice in asked] == [None, path, None]


def test_the_names_are_known_without_torch_and_complete_with_it() -> None:
    from napari_catsam.models.loading import load_model
    from napari_catsam.sam.backbones import list_backbones
    from napari_catsam.tuning import list_methods

    assert load_model is not None
    assert Library().backbones() == list_backbones()
    assert sorted(Library().methods()) == [name for name in list_methods() if name != "sam"]
    assert Library().methods()[:3] == ["cat-a", "cat-t", "hq"]


def test_the_methods_known_before_torch_is_loaded_are_those_that_there_are() -> None:
    from napari_catsam.tuning import list_methods

    assert sorted([*METHODS, "sam"]) == list_methods()
