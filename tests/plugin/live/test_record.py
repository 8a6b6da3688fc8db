"""The prompts of the object being annotated are kept in data coordinates, and made again of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.prompt import LivePrompt, Tool, read_prompt
from napari_catsam.plugin.live.record import make_live_prompts, read_live_record
from napari_catsam.plugin.project.record import (
    ImageRecord,
    ModelRecord,
    ProjectRecord,
)
from napari_catsam.plugin.project.record_json import record_from_json, record_to_json
from napari_catsam.types import Intensity

DATA = np.zeros((3, 40, 60))
TRIANGLE = [np.array(at, float) for at in [(5, 5), (5, 25), (25, 15)]]
STROKE = [np.array(at, float) for at in [(10, 10), (10, 20), (10, 30)]]


def make_plane(step: int = 1, axes: tuple[int, int] = (1, 2)) -> Plane:
    index = tuple(slice(None) if axis in axes else step for axis in range(3))
    size = (DATA.shape[axes[0]], DATA.shape[axes[1]])
    return Plane(DATA, index, axes, size, Intensity(), "cells")


def make_object(plane: Plane) -> LiveObject:
    live = LiveObject(plane).add(LivePrompt((2.0, 3.5))).add(LivePrompt((1.0, 4.0), positive=False))
    live = live.add(read_prompt([np.array([0.5, 1.5]), np.array([9.5, 8.5])], plane, positive=True))
    live = live.add(read_prompt(TRIANGLE, plane, positive=True, tool=Tool.POLYGON))
    return live.add(read_prompt(STROKE, plane, positive=False, tool=Tool.LASSO))


def test_every_prompt_comes_back_through_the_file() -> None:
    live = make_object(make_plane())
    record = read_live_record(live, Image(DATA, scale=(2, 0.5, 0.5)))
    project = ProjectRecord(
        ImageRecord("cells", "", DATA.shape, "float64"), ModelRecord("vit_nano"), prompts=(record,)
    )
    read = record_from_json(record_to_json(project), Path("project.json"))
    assert read.live == (record,)
    assert read.drawn_layers == ()
    assert not read.is_empty
    assert make_live_prompts(read.live[0], make_plane()) == live.prompts


def test_prompts_lie_on_their_plane_in_data_coordinates() -> None:
    plane = make_plane(step=7, axes=(0, 2))
    live = LiveObject(plane).add(LivePrompt((2.0, 3.0)))
    record = read_live_record(live, Image(DATA))
    assert record.data == [[[2.0, 7.0, 3.0]]]
    assert make_live_prompts(record, plane) == live.prompts


@pytest.mark.parametrize("plane", [make_plane(2), make_plane(axes=(0, 2))], ids=["step", "axes"])
def test_prompts_of_another_plane_are_refused(plane: Plane) -> None:
    record = read_live_record(make_object(make_plane()), Image(DATA))
    with pytest.raises(PromptError, match="another plane"):
        make_live_prompts(record, plane)
