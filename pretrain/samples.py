"""Training samples: an image window, some objects in it, and the dense maps of the auxiliary loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import IterableDataset

from pretrain.nuclei import Pair, change_look, cut_window, list_names, read_pair, split_names
from pretrain.paint import boundaries
from pretrain.scenes import draw_scene

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
SMALLEST = 24
"""Objects with fewer visible pixels are not asked for."""

DENSE = 5
"""Dense maps: foreground, boundary, centre distance, row and column offset to the object's centre."""

OFFSET_SCALE = 32.0
"""Pixels that make an offset of 1."""


@dataclass(frozen=True)
class SampleConfig:
    """What a sample holds.

    Attributes
    ----------
    size
        Side of the window in pixels.
    objects
        Objects asked for in one image.
    real
        Share of real images among the samples.
    """

    size: int = 256
    objects: int = 8
    real: float = 0.65


def normalise(image: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """``(3, H, W)`` float32 as SAM expects it; padding is 0 after the normalisation."""
    value = (image.astype(np.float32) - MEAN) / STD
    if valid is not None:
        value *= valid[..., None]
    return np.ascontiguousarray(value.transpose(2, 0, 1))


def dense_maps(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The auxiliary targets ``(DENSE, H/4, W/4)`` float32, and the distance to the border ``(H, W)``."""
    foreground = labels > 0
    edge = boundaries(labels)
    inner = labels.copy()
    inner[edge] = 0
    distance = ndimage.distance_transform_edt(inner > 0)
    dense = [
        pool(foreground),
        np.minimum(pool(edge) * 2, 1),
        np.minimum(distance[2::4, 2::4] / 12, 1),
    ]
    quarter = labels[2::4, 2::4]
    count = np.maximum(np.bincount(labels.ravel()), 1)
    for axis in range(2):
        shape = (-1, 1) if axis == 0 else (1, -1)
        position = np.broadcast_to(np.arange(labels.shape[axis]).reshape(shape), labels.shape)
        centre = np.bincount(labels.ravel(), position.ravel()) / count
        offset = (centre[quarter] - position[2::4, 2::4]) / OFFSET_SCALE
        dense.append(np.where(quarter > 0, np.clip(offset, -3, 3), 0))
    return np.stack(dense).astype(np.float32), distance.astype(np.float32)


def pool(mask: np.ndarray) -> np.ndarray:
    """Mean over 4 x 4 pixels."""
    height, width = mask.shape
    return mask.reshape(height // 4, 4, width // 4, 4).mean((1, 3))


def choose_objects(
    rng: np.random.Generator, maps: list[np.ndarray], count: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Masks ``(count, H, W)`` bool and tight boxes ``(count, 4)`` (r0, c0, r1, c1; ends excluded).

    Objects are drawn from the label maps, without repeats while there are enough. None if there is none.
    """
    found = []
    for labels in maps:
        area = np.bincount(labels.ravel())
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            if place is not None and area[number] >= SMALLEST:
                found.append((labels, number, place))
    if not found:
        return None
    order = np.concatenate([rng.permutation(len(found)) for _ in range(-(-count // len(found)))])[
        :count
    ]
    masks = np.stack([found[i][0] == found[i][1] for i in order])
    boxes = [
        [found[i][2][a].start for a in (0, 1)] + [found[i][2][a].stop for a in (0, 1)]
        for i in order
    ]
    return masks, np.array(boxes, np.float32)


def draw_sample(
    rng: np.random.Generator, pairs: list[Pair], config: SampleConfig
) -> dict[str, torch.Tensor]:
    """One sample.

    Returns
    -------
    dict
        ``image (3, S, S)`` float32 normalised; ``masks (N, S, S)`` bool; ``boxes (N, 4)`` float32 in
        pixels of the window; ``dense (DENSE, S/4, S/4)`` float32; ``distance (S, S)`` float32.
    """
    while True:
        valid = None
        if pairs and rng.random() < config.real:
            image, labels, valid = cut_window(
                rng, pairs[int(rng.integers(len(pairs)))], config.size
            )
            image, maps = change_look(rng, image), [labels]
        else:
            scene = draw_scene(rng, config.size)
            image, maps = scene.image, [scene.labels, scene.parts]
        chosen = choose_objects(rng, maps, config.objects)
        if chosen is not None:
            dense, distance = dense_maps(maps[0])
            return {
                "image": torch.from_numpy(normalise(image, valid)),
                "masks": torch.from_numpy(chosen[0]),
                "boxes": torch.from_numpy(chosen[1]),
                "dense": torch.from_numpy(dense),
                "distance": torch.from_numpy(distance),
            }


class SampleStream(IterableDataset[dict[str, torch.Tensor]]):
    """Endless samples from a seed; worker ``k`` of ``n`` draws its own stream.

    Parameters
    ----------
    folder
        ``nuclei_dsb2018``, or None for drawn scenes alone.
    config
        What a sample holds.
    seed
        The same seed and number of workers give the same samples.
    """

    def __init__(self, folder: Path | None, config: SampleConfig, seed: int) -> None:
        super().__init__()
        self.folder, self.config, self.seed = folder, config, seed

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield samples without end."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        pairs = []
        if self.folder is not None:
            pairs = [
                read_pair(self.folder, name) for name in split_names(list_names(self.folder))[0]
            ]
        while True:
            yield draw_sample(rng, pairs, self.config)
