"""Scores on images that were never trained on: mean object IoU from tight boxes and from one click."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from napari_catsam.sam.box_prior import first_guess, soft_disc_logits, soft_ellipse_logits
from pretrain.network import Prompt, Seen, decode, encode
from pretrain.nuclei import INPUT, Pair
from pretrain.samples import normalise

CHUNK = 16


@dataclass(frozen=True)
class Scores:
    """Mean IoU over objects, each in the pixels of its own image."""

    images: int
    objects: int
    box: float
    click: float
    click_best: float
    box_click: float
    baseline_box: float
    baseline_ellipse: float


@dataclass(frozen=True)
class Objects:
    """Objects of one image: masks ``(N, H, W)``, boxes ``(N, 4)`` r0, c0, r1, c1, points ``(N, 2)`` r, c."""

    masks: np.ndarray
    boxes: np.ndarray
    points: np.ndarray


def find_objects(labels: np.ndarray, limit: int, smallest: int = 1) -> Objects | None:
    """Up to ``limit`` objects of a label map, evenly spread over the numbers; None if there is none."""
    places = ndimage.find_objects(labels)
    numbers = [
        i for i, p in enumerate(places, 1) if p is not None and (labels[p] == i).sum() >= smallest
    ]
    if not numbers:
        return None
    if len(numbers) > limit:
        numbers = [numbers[int(i)] for i in np.linspace(0, len(numbers) - 1, limit)]
    masks = np.stack([labels == n for n in numbers])
    boxes = np.array(
        [
            [places[n - 1][a].start for a in (0, 1)] + [places[n - 1][a].stop for a in (0, 1)]
            for n in numbers
        ]
    )
    return Objects(masks, boxes.astype(np.float32), np.stack([inner_point(m) for m in masks]))


def inner_point(mask: np.ndarray) -> np.ndarray:
    """The pixel (row, column) farthest from the border of ``mask (H, W)``."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(distance.argmax(), mask.shape), np.float32)


def load_input(image: np.ndarray) -> tuple[torch.Tensor, float, tuple[int, int]]:
    """``(1, 3, 512, 512)``, the scale and the unpadded (height, width) of an image ``(H, W, 3)`` uint8."""
    scale = INPUT / max(image.shape[:2])
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    tensor = torch.from_numpy(normalise(resized))[None]
    return F.pad(tensor, (0, INPUT - width, 0, INPUT - height)), scale, (height, width)


def restore(logits: torch.Tensor, inner: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """Masks ``(N, H, W)`` bool of the image's own size from logits ``(N, 128, 128)``, as SAM does."""
    full = F.interpolate(logits[:, None], (INPUT, INPUT), mode="bilinear", align_corners=False)
    full = full[..., : inner[0], : inner[1]]
    return F.interpolate(full, size, mode="bilinear", align_corners=False)[:, 0] > 0


def iou(guess: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """IoU ``(N,)`` of two stacks of masks ``(N, H, W)``."""
    return (guess & truth).flatten(1).sum(1) / (guess | truth).flatten(1).sum(1).clamp(min=1)


def guesses(boxes: np.ndarray, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The two geometric guesses ``(N, H, W)``: the box and the ellipse inscribed in it."""
    box = torch.from_numpy(boxes)
    rows, columns = torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5
    centre, radius = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 2
    row = ((rows[None] - centre[:, :1]) / radius[:, :1])[:, :, None]
    column = ((columns[None] - centre[:, 1:]) / radius[:, 1:])[:, None]
    return (row.abs() < 1) & (column.abs() < 1), row**2 + column**2 <= 1


def score_objects(sam: Any, seen: Seen, objects: Objects, scale: float, inner: Any) -> torch.Tensor:
    """IoU ``(6, N)``: box, click, best of three, box with click, the box itself, the ellipse."""
    truth = torch.from_numpy(objects.masks)
    size = (int(truth.shape[1]), int(truth.shape[2]))
    boxes = torch.from_numpy(objects.boxes) * scale
    clicks = (torch.from_numpy(objects.points) + 0.5).flip(1)[:, None] * scale - 0.5
    some = torch.ones(len(boxes), dtype=torch.bool)
    prior = soft_ellipse_logits(boxes, INPUT, INPUT // 4)
    corners, label = boxes[:, [1, 0, 3, 2]], torch.ones(len(boxes), 1)
    by_box = decode(sam, seen, (0, 0), Prompt(boxes=corners, mask=prior, has_mask=some))[0][:, 0]
    guess = first_guess(boxes, clicks.flip(2), label, None, INPUT, INPUT // 4)
    both = Prompt(corners, clicks, label, guess, some)
    by_both = decode(sam, seen, (0, 0), both)[0][:, 0]
    discs = soft_disc_logits(clicks.flip(2), label, INPUT, INPUT // 4)
    lone = Prompt(points=clicks, labels=label, mask=discs, has_mask=some)
    several, quality = decode(sam, seen, (0, 0), lone)
    three = torch.stack([iou(restore(several[:, k], inner, size), truth) for k in (1, 2, 3)], 1)
    chosen = three.gather(1, quality[:, 1:].argmax(1, keepdim=True))[:, 0]
    fixed = [iou(guess, truth) for guess in guesses(objects.boxes, size)]
    rows = [
        iou(restore(by_box, inner, size), truth),
        chosen,
        three.amax(1),
        iou(restore(by_both, inner, size), truth),
    ]
    return torch.stack(rows + fixed)


@torch.no_grad()
def measure(
    sam: Any, pairs: Iterable[Pair], limit: int = 10_000, smallest: int = 1
) -> tuple[int, torch.Tensor]:
    """How many images had objects, and the IoU ``(6, N)`` of at most ``limit`` objects of each."""
    columns, images = [torch.zeros(6, 0)], 0
    for pair in pairs:
        objects = find_objects(pair.labels, limit, smallest)
        if objects is None:
            continue
        tensor, scale, inner = load_input(pair.image)
        seen = encode(sam, tensor, (0, 0))
        images += 1
        for start in range(0, len(objects.masks), CHUNK):
            part = slice(start, start + CHUNK)
            some = Objects(objects.masks[part], objects.boxes[part], objects.points[part])
            columns.append(score_objects(sam, seen, some, scale, inner))
    return images, torch.cat(columns, 1)


def summarise(parts: Iterable[tuple[int, torch.Tensor]]) -> Scores:
    """Scores over several results of :func:`measure`."""
    images, columns = zip(*parts, strict=True)
    every = torch.cat(columns, 1)
    return Scores(
        sum(images), every.shape[1], *(round(value, 4) for value in every.mean(1).tolist())
    )
