"""The prompts of the object being annotated, as they are kept on disk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from napari.layers import Image

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.layers import lift
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.prompt import LivePrompt, Tool, make_corners, read_prompt
from napari_catsam.plugin.project.layer_records import read_placement
from napari_catsam.plugin.project.record import LIVE, PromptsRecord

__all__ = ["make_live_prompts", "read_live_record"]

CLICK, BOX, OUTLINE, SCRIBBLE = "click", "box", "outline", "scribble"
"""The types of a record's prompts."""

TOOLS = {CLICK: Tool.BOX, BOX: Tool.BOX, OUTLINE: Tool.POLYGON, SCRIBBLE: Tool.LASSO}

OFF_PLANE = 0.5
"""Pixels; a prompt that is farther from a plane was given on another one."""


def read_live_record(live: LiveObject, image: Image) -> PromptsRecord:
    """Describe the prompts of an object, in data coordinates of the image that they were given on."""
    return PromptsRecord(
        kind=LIVE,
        name="object prompts",
        ndim=image.ndim,
        placement=read_placement(image),
        data=[lift(live.plane, _read_places(prompt)).tolist() for prompt in live.prompts],
        types=[_read_type(prompt) for prompt in live.prompts],
        features={"positive": [prompt.positive for prompt in live.prompts]},
    )


def make_live_prompts(record: PromptsRecord, plane: Plane) -> tuple[LivePrompt, ...]:
    """Make the prompts again on the plane that they were given on.

    Parameters
    ----------
    record : PromptsRecord
        From :func:`read_live_record`.
    plane : Plane
        Where they were given.

    Raises
    ------
    PromptError
        If they lie on another plane, or on none of the image.
    """
    positive = record.features["positive"]
    prompts = []
    for kind, given, sign in zip(record.types, record.data, positive, strict=True):
        vertices = np.asarray(given, dtype=float)
        for axis, step in plane.position:
            if (np.abs(vertices[:, axis] - step) > OFF_PLANE).any():
                raise PromptError(
                    "the prompts of the object that was begun lie on another plane; show its axes "
                    "and press Annotate again"
                )
        places = list(vertices[:, plane.axes])
        prompts.append(read_prompt(places, plane, positive=bool(sign), tool=TOOLS[kind]))
    return tuple(prompts)


def _read_type(prompt: LivePrompt) -> str:
    if prompt.is_box:
        return OUTLINE if prompt.is_outline else BOX
    return SCRIBBLE if prompt.path else CLICK


def _read_places(prompt: LivePrompt) -> npt.NDArray[np.float64]:
    """Return the places (K, 2) that make the prompt again."""
    if prompt.path:
        return np.array(prompt.path)
    return make_corners(prompt.at)[[0, 2]] if prompt.is_box else np.array([prompt.at])
