"""Views of a training image: every step another crop, orientation and brightness, seeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as V

from napari_catsam.geometry import Frame

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Sample

__all__ = ["InputSpec", "View", "draw_view"]

BoolArray = npt.NDArray[np.bool_]

LEAST_AREA = 0.25
"""A crop covers from this share of the image up to all of it."""

LEAST_VISIBLE = 0.5
"""An object that a crop cuts is asked for only if this share of it is left."""

LIGHT = 0.2
"""Brightness and contrast change by up to this share, gamma by about as much."""


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
        The objects that are asked for, in pixels of the view; none of them empty.
    targets : Tensor, (N, g, g), float32
        Share of each cell of the decoder's grid that the object covers.
    ignore : Tensor, (g, g), bool
        Cells that do not count: ignored pixels, and padding.
    frame : Frame
        How the view lies in the input.
    """

    pixels: torch.Tensor
    masks: BoolArray
    targets: torch.Tensor
    ignore: torch.Tensor
    frame: Frame


def draw_view(
    samples: tuple[Sample, ...], objects: int, spec: InputSpec, generator: np.random.Generator
) -> View:
    """Draw a view around one object.

    Parameters
    ----------
    samples : tuple of Sample
        The training images.
    objects : int
        At most so many objects are asked for.
    spec : InputSpec
        What the view is made for.
    generator : numpy.random.Generator
        Draws image, object, crop, orientation and light.
    """
    sample = samples[generator.choice(len(samples), p=_weights(samples))]
    target = int(generator.integers(len(sample)))
    rgb, maps = _crop(sample, target, spec.side, generator)
    wanted = choose_objects(maps[0].numpy(), sample.areas, target, objects, generator)
    rgb, maps = _shrink(rgb, maps, target + 1, spec.side)
    rgb, maps = _turn(rgb, maps, generator)
    rgb = _relight(rgb / 255, generator) * 255
    masks = maps[0].numpy() == (wanted + 1)[:, None, None]
    return _finish(rgb, masks[masks.any(axis=(1, 2))], maps[1].bool().numpy(), spec)


def _finish(rgb: Any, masks: BoolArray, ignored: BoolArray, spec: InputSpec) -> View:
    """Bring a view to the model's input and to the decoder's grid."""
    frame = Frame((masks.shape[1], masks.shape[2]), spec.side, spec.resize)
    pixels = frame.image_to_input(rgb.as_subclass(torch.Tensor)[None])[0]
    coverage = frame.masks_to_input(masks.astype(np.float32), spec.grid)[:, 0]
    # masks_to_input fills what lies outside of the view with a strong "no", below any coverage.
    doubt = frame.masks_to_input(ignored[None].astype(np.float32), spec.grid)[0, 0]
    return View(pixels, masks, coverage.clamp(0, 1), (doubt > 0.01) | (doubt < -1), frame)


def _weights(samples: tuple[Sample, ...]) -> npt.NDArray[np.float64]:
    """Draw an image by the root of its objects, so that a crowded one does not drown the others."""
    roots = np.sqrt([len(sample) for sample in samples])
    share: npt.NDArray[np.float64] = roots / roots.sum()
    return share


def _crop(
    sample: Sample, target: int, side: int, generator: np.random.Generator
) -> tuple[Any, Any]:
    """Cut a window of the image's aspect out of image (3, H, W) and maps (2, H, W)."""
    box, area = sample.boxes[target], int(sample.areas[target])
    top, left, height, width = choose_window(box, area, sample.labels.shape, side, generator)
    rgb = tv_tensors.Image(torch.from_numpy(sample.rgb).permute(2, 0, 1))
    stack = np.stack([sample.labels, sample.ignore.astype(np.int32)])
    maps = tv_tensors.Mask(torch.from_numpy(stack))
    rgb, maps = (V.crop(x, top, left, height, width) for x in (rgb, maps))
    return rgb, maps


def _shrink(rgb: Any, maps: Any, label: int, side: int) -> tuple[Any, Any]:
    """Bring a crop larger than the model's input to its size, without losing object ``label``."""
    size = rgb.shape[-2:]
    if max(size) <= side:
        return rgb, maps
    small = [max(1, round(n * side / max(size))) for n in size]
    rows, columns = torch.nonzero(maps[0] == label, as_tuple=True)
    # By their types the image is interpolated and the labels are not.
    rgb, maps = V.resize(rgb, small, antialias=True), V.resize(maps, small)
    if not (maps[0] == label).any():  # a line thinner than the sampling
        maps[0, rows * small[0] // size[0], columns * small[1] // size[1]] = label
    return rgb, maps


def choose_window(
    box: npt.NDArray[np.float64],
    area: int,
    size: tuple[int, ...],
    side: int,
    generator: np.random.Generator,
) -> tuple[int, int, int, int]:
    """Choose a crop around an object.

    Parameters
    ----------
    box : ndarray, (4,)
        Tight box of the object.
    area : int
        Its pixels.
    size : (int, int)
        (H, W) of the image.
    side : int
        Of the model's input: the crop is small enough that the object does not vanish in it.
    generator : numpy.random.Generator
        Draws size and place.

    Returns
    -------
    (int, int, int, int)
        Top, left, height and width; the box lies inside.
    """
    share = np.sqrt(generator.uniform(LEAST_AREA, 1.0))
    # Two input pixels across are left of an object of this area.
    limit = side * np.sqrt(area) / 2
    shrink = min(1.0, limit / (share * max(size)))
    window = []
    for axis in (0, 1):
        low, high, whole = int(box[axis]), int(box[axis + 2]), size[axis]
        margin = (high - low) * 5 // 4
        length = min(whole, max(round(share * shrink * whole), margin, 1))
        start = int(generator.integers(max(0, high - length), min(low, whole - length) + 1))
        window.append((start, length))
    (top, height), (left, width) = window
    return top, left, height, width


def _turn(rgb: Any, maps: Any, generator: np.random.Generator) -> tuple[Any, Any]:
    """Flip and turn by right angles, image and maps alike."""
    mirrored, quarters = bool(generator.integers(2)), int(generator.integers(4))
    if mirrored:
        rgb, maps = V.horizontal_flip(rgb), V.horizontal_flip(maps)
    rgb, maps = (torch.rot90(x, quarters, (-2, -1)) for x in (rgb, maps))
    return tv_tensors.Image(rgb), tv_tensors.Mask(maps)


def _relight(rgb: Any, generator: np.random.Generator) -> Any:
    """Change brightness, contrast and gamma a little; values stay in 0..1."""
    brightness, contrast, gamma = 1 + generator.uniform(-LIGHT, LIGHT, 3)
    rgb = V.adjust_brightness(rgb, float(brightness))
    rgb = V.adjust_contrast(rgb, float(contrast))
    return V.adjust_gamma(rgb, float(gamma))


def choose_objects(
    labels: npt.NDArray[np.int32],
    areas: npt.NDArray[np.int64],
    target: int,
    count: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """Choose the objects of a view: the one it was drawn around, and others that are seen well.

    Parameters
    ----------
    labels : ndarray, (H, W), int
        Objects 1..N of the crop, at the image's scale.
    areas : ndarray, (N,), int
        Their pixels in the whole image.
    target : int
        Index of the object that is always taken.
    count : int
        At most so many.
    generator : numpy.random.Generator
        Draws the others.

    Returns
    -------
    ndarray of int
        Indices, the target first.
    """
    seen = np.bincount(labels.ravel(), minlength=len(areas) + 1)[1:]
    others = np.flatnonzero(seen >= np.maximum(1, LEAST_VISIBLE * areas))
    others = generator.permutation(others[others != target])[: count - 1]
    return np.concatenate([[target], others]).astype(np.intp)
