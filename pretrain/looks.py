"""What the refiner learns from: objects as the rest of the model leaves them, each cut out in its crop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from napari_catsam.models.parts import join_to_clicks
from napari_catsam.models.prompt_tensors import PromptTensors
from napari_catsam.sam.box_prior import box_limit
from napari_catsam.sam.crops import crops_of_boxes, crops_of_masks, cut_out
from napari_catsam.sam.refiner import View, view_objects
from pretrain.network import decode, encode
from pretrain.samples import SampleConfig, SampleStream
from pretrain.steps import Group, Step, StepConfig, to_window

SIZES = (256, 256, 512)
"""Sides of the windows that are drawn in turn, in pixels of the model's input."""

OBJECTS = 16
"""Objects of a window, half of them with a box."""

EXACT = 0.5
"""Share of the windows whose boxes are tight; in the others they are shaken."""


class Looks(NamedTuple):
    """N objects in their crops.

    Attributes
    ----------
    view
        What the refiner sees.
    scores
        ``(N,)`` the IoU that the decoder expects.
    truth
        ``(N, s, s)`` the part of each pixel of the crop that belongs to the object.
    missing
        ``(N,)`` what of the object lies outside of the crop, in pixels of the crop.
    corner
        ``(N, 2)`` row and column of the crop's corner in the window, for the grid of the logits.
    """

    view: View
    scores: torch.Tensor
    truth: torch.Tensor
    missing: torch.Tensor
    corner: torch.Tensor

    def select(self, rows: torch.Tensor) -> Looks:
        """Some of the objects."""
        view = View(*(part[rows] for part in self.view))
        return Looks(view, *(part[rows] for part in self[1:]))

    def small(self) -> Looks:
        """The same in half precision."""
        view = View(*(part.half() for part in self.view[:3]), self.view.extent)
        return Looks(view, self.scores, self.truth.half(), self.missing, self.corner)


def join(parts: list[Looks]) -> Looks:
    """All objects of several."""
    view = View(*(torch.cat(each) for each in zip(*(part.view for part in parts), strict=True)))
    rest = zip(*(part[1:] for part in parts), strict=True)
    return Looks(view, *(torch.cat(each) for each in rest))


@dataclass
class LookStream:
    """Endless looks, drawn from a seed.

    Parameters
    ----------
    sam
        The trained model, without its refiner; a :func:`pretrain.network.working_copy`.
    folder
        ``nuclei_dsb2018``, or None.
    seed
        Of images and prompts.
    """

    sam: Any
    folder: Path | None
    seed: int

    def __iter__(self) -> Iterator[Looks]:
        """Yield the looks of a window each time."""
        config = StepConfig(prior=1.0, forget=0.0)
        exact = Step(self.sam, torch.nn.Identity(), StepConfig(shake=0.0, prior=1.0), self.seed)
        shaken = Step(self.sam, torch.nn.Identity(), config, self.seed + 1)
        streams = [
            iter(SampleStream(self.folder, SampleConfig(size, OBJECTS), self.seed + number))
            for number, size in enumerate(SIZES)
        ]
        number = 0
        while True:
            sample = next(streams[number % len(SIZES)])
            batch = {key: value[None] for key, value in sample.items()}
            step = exact if exact.chance() < EXACT else shaken
            with torch.no_grad():
                yield self.look(step, batch)
            number += 1

    def look(self, step: Step, batch: dict[str, torch.Tensor]) -> Looks:
        """All groups of a window with their corrective rounds."""
        size = batch["image"].shape[-1]
        offset, half = step.offset(size), batch["boxes"].shape[1] // 2
        seen = encode(self.sam, batch["image"], offset)
        found = []
        for group in (
            step.box_group(batch, slice(0, half), offset),
            step.click_group(batch, slice(half, None), offset),
        ):
            rounds = step.rounds() if group.prompt.boxes is None else min(1, step.rounds())
            for number in range(rounds + 1):
                logits, quality = decode(self.sam, seen, offset, group.prompt)
                found.append(self.cut(batch["image"], group, offset, logits, quality))
                if number < rounds:
                    group = step.corrected(group, logits, quality, offset)
        return join(found)

    def cut(
        self,
        image: torch.Tensor,
        group: Group,
        offset: tuple[int, int],
        logits: torch.Tensor,
        quality: torch.Tensor,
    ) -> Looks:
        """The objects of a group as the package would hand them to the refiner."""
        size, low, prompt = image.shape[-1], logits.shape[-1], group.prompt
        chosen = torch.zeros(len(logits), dtype=torch.long)
        if group.several:
            chosen = quality[:, 1:].argmax(1) + 1
        rows = torch.arange(len(logits))
        logits, scores = logits[rows, chosen], quality[rows, chosen]
        boxes = None if prompt.boxes is None else to_window(prompt.boxes, offset)
        points = None if prompt.points is None else to_window(prompt.points, offset)
        if boxes is not None:
            logits = logits + box_limit(boxes, size, low)[:, 0]
            crops = crops_of_boxes(boxes, size)
        else:
            places = None if points is None else points.flip(-1)
            tensors = PromptTensors(None, places, prompt.labels, prompt.kept)
            logits = join_to_clicks(logits, tensors, size)
            crops = crops_of_masks(logits, points, prompt.labels, size)
        view = view_objects(image, logits, crops, boxes, points, prompt.labels)
        masks = group.objects.masks
        truth = cut_out(masks[:, None].float(), crops)[:, 0]
        pixel = (crops.extent / truth.shape[-1]).prod(1)
        missing = (masks.flatten(1).sum(1) / pixel - truth.flatten(1).sum(1)).clamp(min=0)
        return Looks(view, scores, truth, missing, crops.frames[:, :2])


def collect(stream: Iterator[Looks], count: int) -> Looks:
    """At least ``count`` looks, in half precision."""
    parts: list[Looks] = []
    found = 0
    for some in stream:
        parts.append(some.small())
        found += len(some.scores)
        if found >= count:
            break
    return join(parts)
