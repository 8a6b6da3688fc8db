"""Views of a training image: every step another crop, orientation, scale and light, seeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as V

from napari_catsam.adaptation.appearance import relight, roughen, shrink, step_back, turn
from napari_catsam.adaptation.weights import weigh_objects
from napari_catsam.adaptation.windows import (
    choose_empty_box,
    choose_objects,
    choose_window,
    weigh_samples,
)
from napari_catsam.geometry import Frame, boxes_from_masks

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Sample

__all__ = ["InputSpec", "View", "draw_view"]

BoolArray = npt.NDArray[np.bool_]

EMPTY = 0.05
"""This share of the views asks for a place without an object, where such a place is known."""


@dataclass(frozen=True)
class InputSpec:
    """What a view is made for.

    Attributes
    ----------
    side : int
        Side of the model's input in pixels.
    grid : int
        Side of the decoder's logits in pixels.
    resize : {"pad", "stretch"}
        How a view is brought to the input.
    """

    side: int
    grid: int
    resize: Literal["pad", "stretch"]


@dataclass(frozen=True, eq=False)
class View:
    """One crop of a training image, ready for the model.

    Attributes
    ----------
    pixels : Tensor, (3, S, S)
        Normalised input.
    masks : ndarray, (N, H, W), bool
        The objects that are asked for, in pixels of the view; none of them empty unless ``boxes``
        are given.
    ignored : ndarray, (H, W), bool
        Pixels that do not count.
    targets : Tensor, (N, g, g), float32
        Share of each cell of the decoder's grid that the object covers.
    ignore : Tensor, (g, g), bool
        Cells that do not count: ignored pixels, and padding.
    frame : Frame
        How the view lies in the input.
    boxes : ndarray, (N, 4), float, or None
        Boxes around nothing that are asked for instead of objects.
    """

    pixels: torch.Tensor
    masks: BoolArray
    ignored: BoolArray
    targets: torch.Tensor
    ignore: torch.Tensor
    frame: Frame
    boxes: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Return the number of objects that are asked for."""
        return len(self.masks)


def draw_view(
    samples: tuple[Sample, ...], objects: int, spec: InputSpec, generator: np.random.Generator
) -> View:
    """Draw a view around one object, or now and then around none.

    Parameters
    ----------
    samples : tuple of Sample
        The training images.
    objects : int
        At most so many objects are asked for.
    spec : InputSpec
        What the view is made for.
    generator : numpy.random.Generator
        Draws image, object, crop, orientation, scale and light.
    """
    sample = samples[generator.choice(len(samples), p=weigh_samples(samples))]
    if generator.random() < EMPTY:
        empty = choose_empty_box(sample, generator)
        if empty is not None:
            return _draw_empty(sample, empty, spec, generator)
    target = int(generator.choice(len(sample), p=weigh_objects(sample.areas)))
    area = int(sample.areas[target])
    rgb, maps = _crop(sample, sample.boxes[target], area, spec.side, generator)
    wanted = choose_objects(maps[0].numpy(), sample.areas, target, objects, generator)
    rgb, maps = _change(rgb, maps, (target + 1, area), spec.side, generator)
    masks = maps[0].numpy() == (wanted + 1)[:, None, None]
    return _finish(rgb, masks[masks.any(axis=(1, 2))], maps[1].bool().numpy(), spec)


def _draw_empty(
    sample: Sample,
    box: npt.NDArray[np.float64],
    spec: InputSpec,
    generator: np.random.Generator,
) -> View:
    """Draw a view around a box in which there is nothing; its one mask is empty."""
    r0, c0, r1, c1 = box.astype(int)
    area, number = int((r1 - r0) * (c1 - c0)), len(sample) + 1
    marked = sample.labels.copy()
    marked[r0:r1, c0:c1] = number
    rgb, maps = _crop(sample, box, area, spec.side, generator, marked)
    rgb, maps = _change(rgb, maps, (number, area), spec.side, generator)
    place = maps[0].numpy() == number
    nothing = np.zeros((1, *place.shape), bool)
    around = boxes_from_masks(place[None])
    return _finish(rgb, nothing, maps[1].bool().numpy(), spec, around)


def _change(
    rgb: Any, maps: Any, target: tuple[int, int], side: int, generator: np.random.Generator
) -> tuple[Any, Any]:
    """Change scale, orientation and look; the target's (label, area) stays visible."""
    label, area = target
    rgb, maps = step_back(rgb, maps, area, side, generator)
    rgb, maps = shrink(rgb, maps, label, side)
    rgb, maps = turn(rgb, maps, generator)
    return roughen(relight(rgb / 255, generator), generator) * 255, maps


def _finish(
    rgb: Any,
    masks: BoolArray,
    ignored: BoolArray,
    spec: InputSpec,
    boxes: npt.NDArray[np.float64] | None = None,
) -> View:
    """Bring a view to the model's input and to the decoder's grid."""
    frame = Frame((masks.shape[1], masks.shape[2]), spec.side, spec.resize)
    pixels = frame.image_to_input(rgb.as_subclass(torch.Tensor)[None])[0]
    coverage = frame.masks_to_input(masks.astype(np.float32), spec.grid)[:, 0]
    # masks_to_input fills what lies outside of the view with a strong "no", below any coverage.
    doubt = frame.masks_to_input(ignored[None].astype(np.float32), spec.grid)[0, 0]
    unknown = (doubt > 0.01) | (doubt < -1)
    return View(pixels, masks, ignored, coverage.clamp(0, 1), unknown, frame, boxes)


def _crop(
    sample: Sample,
    box: npt.NDArray[np.float64],
    area: int,
    side: int,
    generator: np.random.Generator,
    labels: npt.NDArray[np.int32] | None = None,
) -> tuple[Any, Any]:
    """Cut a window of the image's aspect out of image (3, H, W) and maps (2, H, W)."""
    labels = sample.labels if labels is None else labels
    top, left, height, width = choose_window(box, area, labels.shape, side, generator)
    rgb = tv_tensors.Image(torch.from_numpy(sample.rgb).permute(2, 0, 1))
    maps = tv_tensors.Mask(torch.from_numpy(np.stack([labels, sample.ignore.astype(np.int32)])))
    rgb, maps = (V.crop(x, top, left, height, width) for x in (rgb, maps))
    return rgb, maps
