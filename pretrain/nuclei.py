"""The one real set that may train shipped weights: ``nuclei_dsb2018`` (BBBC038, CC0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from pretrain.faults import add_noise

HELD_OUT = 100
"""The last so many images by name are never trained on."""

INPUT = 512
"""The model's input side in pixels: an image's longest side is scaled to it."""


@dataclass(frozen=True)
class Pair:
    """One image ``(H, W, 3)`` uint8 with its instance labels ``(H, W)`` int32 and its name."""

    name: str
    image: np.ndarray
    labels: np.ndarray


def list_names(folder: Path) -> list[str]:
    """Stems of all pairs under ``folder/images``, sorted."""
    return sorted(path.stem for path in (folder / "images").glob("*.png"))


def split_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Names to train on and names held out (the last :data:`HELD_OUT`)."""
    return names[:-HELD_OUT], names[-HELD_OUT:]


def read_pair(folder: Path, name: str) -> Pair:
    """Read ``images/<name>.png`` and ``masks/<name>.png``."""
    image = np.asarray(Image.open(folder / "images" / f"{name}.png").convert("RGB"))
    labels = np.asarray(Image.open(folder / "masks" / f"{name}.png"))
    return Pair(name, image, labels.astype(np.int32))


def cut_window(
    rng: np.random.Generator, pair: Pair, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random window of a randomly rescaled, flipped and turned image.

    Parameters
    ----------
    rng
        The only source of chance.
    pair
        The image.
    size
        Side of the window in pixels of the model's input.

    Returns
    -------
    image, labels, valid
        ``(size, size, 3)`` uint8, ``(size, size)`` int32, ``(size, size)`` bool: False is padding.
    """
    zoom = INPUT / max(pair.labels.shape) * float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    span = size / zoom
    origin = [window_start(rng, side, span) for side in pair.labels.shape]
    rows, columns = (slice(int(o), int(np.ceil(o + span)) + 1) for o in origin)
    image, labels = pair.image[rows, columns], pair.labels[rows, columns]
    height, width = (min(size, max(8, round(side * zoom))) for side in labels.shape)
    image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    labels = np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
    pad = (0, size - height), (0, size - width)
    valid = np.pad(np.ones(labels.shape, bool), pad)
    image, labels = np.pad(image, (*pad, (0, 0))), np.pad(labels, pad)
    return turn(rng, image, labels, valid)


def window_start(rng: np.random.Generator, side: int, span: float) -> float:
    """Where a window of ``span`` source pixels starts in a side of ``side`` pixels."""
    return float(rng.uniform(0, side - span)) if side > span else 0.0


def turn(rng: np.random.Generator, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same random flip and quarter turns for all arrays."""
    quarter, flip = int(rng.integers(0, 4)), rng.random() < 0.5
    turned = [np.rot90(array, quarter) for array in arrays]
    return tuple(np.ascontiguousarray(array[::-1] if flip else array) for array in turned)


def change_look(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Random intensity, gamma, inversion, colour, blur and noise: uint8 in, uint8 out."""
    value = image.astype(np.float32)
    if rng.random() < 0.3:
        value = value.mean(2, keepdims=True).repeat(3, 2)
    if rng.random() < 0.5:
        value = stretch(rng, value)
    if rng.random() < 0.5:
        value = 255 * (np.clip(value, 0, 255) / 255) ** float(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.25:
        value = 255 - value
    if rng.random() < 0.3:
        value = value * rng.uniform(0.6, 1.2, 3).astype(np.float32)
    if rng.random() < 0.25:
        sigma = rng.uniform(0.4, 1.8)
        value = ndimage.gaussian_filter(value, (sigma, sigma, 0), truncate=2.5)
    if rng.random() < 0.3:
        value = add_noise(rng, value)
    return np.clip(value, 0, 255).astype(np.uint8)


def stretch(rng: np.random.Generator, value: np.ndarray) -> np.ndarray:
    """Move the 0.5 and 99.5 percentiles to random ends, as contrast limits would."""
    low, high = np.percentile(value[::4, ::4], [0.5, 99.5])
    new_low, new_high = rng.uniform(0, 60), rng.uniform(120, 255)
    return (value - low) / max(high - low, 8.0) * (new_high - new_low) + new_low
