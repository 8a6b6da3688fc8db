from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import ShotError
from napari_catsam.plugin.device.engine import (
    MOST_AT_ONCE,
    Engine,
    ModelChoice,
    ShotSource,
    Usage,
)
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.types import Intensity, Prompts

BASE = ModelChoice("vit_nano", "auto")
PROMPTS = PromptSet(boxes=np.array([[2.0, 3.0, 8.0, 9.0]]))


def make_plane(data: Any = None, z: int = 0) -> Plane:
    stack = np.zeros((3, 20, 30), np.uint8) if data is None else data
    return Plane(
        stack, (z, slice(None), slice(None)), (1, 2), (20, 30), Intensity("limits", 0, 9), "stack"
    )


def drain(steps: Generator[Any, bool | None, Any]) -> tuple[list[Any], Any]:
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


def test_one_mask_an_object_is_cut_to_its_box(library: Any) -> None:
    told, (found,) = drain(Engine(library).segment(BASE, make_plane(), PROMPTS))
    assert told == ["loading vit_nano", "embedding stack [0]", "segmenting 1 object"]
    assert (found.corner, found.mask.shape, found.mask.all()) == ((2, 3), (6, 6), True)


def test_between_a_few_objects_others_have_their_turn(library: Any) -> None:
    boxes = np.tile(PROMPTS.boxes, (2 * MOST_AT_ONCE + 1, 1))
    told, found = drain(Engine(library).segment(BASE, make_plane(), PromptSet(boxes=boxes)))
    assert told[2:] == [f"segmenting {len(boxes)} objects"] * 3
    assert len(found) == len(boxes)


def test_an_image_is_embedded_once_a_plane_and_contrast(library: Any) -> None:
    engine, embedded = Engine(library), library.predictors["vit_nano"].embedded
    drain(engine.segment(BASE, make_plane(), PROMPTS))
    drain(engine.segment(BASE, make_plane(), PROMPTS))
    assert len(embedded) == 1
    drain(engine.segment(BASE, replace(make_plane(), intensity=Intensity("limits", 0, 5)), PROMPTS))
    assert len(embedded) == 2


def test_an_image_edited_in_place_is_embedded_again(library: Any) -> None:
    engine, embedded = Engine(library), library.predictors["vit_nano"].embedded
    data = np.zeros((3, 20, 30), np.uint8)
    drain(engine.segment(BASE, make_plane(data), PROMPTS))
    data[0, 5, 5] = 1
    drain(engine.segment(BASE, make_plane(data), PROMPTS))
    assert len(embedded) == 2


def test_a_plane_that_cannot_have_changed_is_not_read_again(library: Any) -> None:
    class Lazy:
        read = 0

        def __getitem__(self, index: Any) -> Any:
            self.read += 1
            return np.zeros((3, 20, 30), np.uint8)[index]

    engine, data = Engine(library), Lazy()
    plane = replace(make_plane(data), version=(1,))
    for _ in range(3):
        drain(engine.preview(BASE, plane, Prompts(points=[[[5, 5]]], labels=[[1]])))
    assert data.read == 1
    told, _ = drain(engine.segment(BASE, replace(plane, version=(2,)), PROMPTS))
    assert told == ["segmenting 1 object"]
    assert data.read == 2


def test_a_plane_is_embedded_as_it_is_after_it_went_out_of_memory(library: Any) -> None:
    engine, embedded = Engine(library), library.predictors["vit_nano"].embedded
    data = np.zeros((3, 20, 30), np.uint8)
    plane = replace(make_plane(data), version=(1,))
    drain(engine.segment(BASE, plane, PROMPTS))
    engine.embeddings.clear()
    data[0, 5, 5] = 7
    drain(engine.segment(BASE, plane, PROMPTS))
    assert embedded[1][0][5, 5] == 7


def test_what_the_model_takes_is_measured_when_it_is_loaded(library: Any) -> None:
    engine = Engine(library)
    assert engine.usage is None
    drain(engine.segment(BASE, make_plane(), PROMPTS))
    assert engine.usage == Usage(BASE.base_key, "cpu", 85_000_000)
    drain(engine.segment(replace(BASE, precision="fp32"), make_plane(), PROMPTS))
    assert engine.usage is not None
    assert engine.usage.model == ("vit_nano", "auto", "fp32", "")


def test_another_precision_or_folder_is_another_model(library: Any) -> None:
    engine, embedded = Engine(library), library.predictors["vit_nano"].embedded
    for choice in (BASE, replace(BASE, precision="fp32"), replace(BASE, folder="weights")):
        drain(engine.segment(choice, make_plane(), PROMPTS))
    assert len(library.loaded) == 3
    assert len(embedded) == 3


def test_base_and_adapted_share_the_loaded_backbone(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    engine = Engine(library)
    drain(engine.segment(BASE, make_plane(), PROMPTS))
    drain(engine.segment(replace(BASE, adapter=adapter_factory()), make_plane(), PROMPTS))
    assert library.loaded == [("vit_nano", "auto")]
    assert len(library.predictors["vit_nano adapted"].embedded) == 1


def test_a_loaded_adapter_shares_the_backbone_of_the_chosen_folder_and_precision(
    library: Any, tmp_path: Path
) -> None:
    path = tmp_path / "polyps.safetensors"
    path.write_text("vit_nano")
    chosen = replace(BASE, precision="fp32", folder="weights")
    engine = Engine(library)
    drain(engine.segment(chosen, make_plane(), PROMPTS))
    told, adapter = drain(engine.load_adapter(path, chosen))
    assert told == ["reading polyps.safetensors", "applying the adapter"]
    told, _ = drain(engine.segment(replace(chosen, adapter=adapter), make_plane(), PROMPTS))
    assert told == ["embedding stack [0]", "segmenting 1 object"]
    assert engine.usage is not None
    assert engine.usage.model == ("vit_nano", "auto", "fp32", "weights")


def test_every_plane_with_masks_is_a_shot() -> None:
    labels = np.zeros((3, 20, 30), int)
    labels[0, :4, :4], labels[2, :5, :5] = 1, 2
    image = np.arange(3)[:, None, None] * np.ones((3, 20, 30), np.uint8)
    shots = ShotSource(make_plane(image), labels, (1.0, 1.0)).read()
    assert [shot.name for shot in shots] == ["stack [0]", "stack [2]"]
    assert np.asarray(shots[1].image).max() == 2
    assert np.asarray(shots[1].masks).max() == 2


def test_labels_without_a_mask_are_refused(library: Any) -> None:
    with pytest.raises(ShotError, match="draw at least one"):
        ShotSource(make_plane(), np.zeros((3, 20, 30), int), (1.0, 1.0)).read()


def test_adapting_starts_from_the_base_and_gives_progress(library: Any) -> None:
    labels = np.zeros((3, 20, 30), int)
    labels[1, :4, :4] = 1
    source = ShotSource(make_plane(), labels, (1.0, 1.0))
    told, adapter = drain(Engine(library).adapt(BASE, source, method="cat-a", budget=5))
    assert adapter is library.adapter
    assert told[:3] == ["loading vit_nano", "reading the labels", "preparing cat-a on 1 mask"]
    assert [progress.step for progress in told[3:]] == [0, 1, 2]
