"""One training step: encode windows, prompt objects in two groups, sometimes a corrective round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from napari_catsam.sam.box_prior import first_guess, kept_mask
from pretrain import prompts
from pretrain.losses import dense_loss, mask_loss, true_iou
from pretrain.network import ALIGN, Prompt, Seen, decode, encode_with_tokens

CANVAS = 512


@dataclass(frozen=True)
class StepConfig:
    """Shares and weights of a step.

    Attributes
    ----------
    boxed
        Share of the objects of an image that are prompted by a box; the others by clicks.
    shake
        Largest move of a box side, in parts of the side.
    prior
        Share of prompts that come with their first guess: the ellipse or the discs.
    rounds
        Chances of 0, 1, 2, 3 corrective rounds in a step.
    again_weight
        Of the loss of a corrective round.
    clicks_again
        Share of the corrective rounds that go on from clicks; the others from boxes.
    forget
        Share of the corrective rounds without the last mask.
    """

    boxed: float = 0.5
    shake: float = 0.12
    prior: float = 0.96
    rounds: tuple[float, ...] = (0.15, 0.25, 0.3, 0.3)
    again_weight: float = 0.8
    clicks_again: float = 0.7
    forget: float = 0.1


@dataclass(frozen=True)
class Objects:
    """N objects: masks ``(N, S, S)`` bool, half-size pooled masks, boxes ``(N, 4)``, depth ``(N, S, S)``."""

    masks: torch.Tensor
    pooled: torch.Tensor
    boxes: torch.Tensor
    depth: torch.Tensor


@dataclass(frozen=True)
class Group:
    """Objects prompted alike; ``several``: one click, so any of three masks may be meant."""

    objects: Objects
    prompt: Prompt
    several: bool = False


class Step:
    """Computes the loss of a batch; holds the generator of its chance.

    Parameters
    ----------
    sam, head
        The model and the auxiliary head.
    config
        Shares and weights.
    seed
        Of the prompts.
    """

    def __init__(self, sam: Any, head: nn.Module, config: StepConfig, seed: int) -> None:
        self.sam, self.head, self.config = sam, head, config
        self.generator = torch.Generator().manual_seed(seed)

    def chance(self) -> float:
        """A number from 0 to 1."""
        return float(torch.rand(1, generator=self.generator))

    def offset(self, size: int) -> tuple[int, int]:
        """A random place of a window of ``size`` pixels on the canvas."""
        room = (CANVAS - size) // ALIGN + 1
        row, column = torch.randint(0, room, (2,), generator=self.generator).tolist()
        return row * ALIGN, column * ALIGN

    def learn_maps(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """The dense loss alone: the encoder learns to see before the decoder learns to choose."""
        _, loss, parts = self.encode(batch, self.offset(batch["image"].shape[-1]))
        return loss, parts

    def encode(
        self, batch: dict[str, torch.Tensor], offset: tuple[int, int]
    ) -> tuple[Seen, torch.Tensor, dict[str, float]]:
        """What the encoder sees, and the dense loss of all depths."""
        seen, tokens = encode_with_tokens(self.sam, batch["image"], offset)
        losses = [dense_loss(maps, batch["dense"]) for maps in self.head(seen.features, tokens)]
        parts = {"dense": float(losses[0].detach()), "stem": float(losses[1].detach())}
        return seen, losses[0] + 0.5 * torch.stack(losses[1:]).sum(), parts

    def learn_prompts(
        self, batch: dict[str, torch.Tensor], dense_weight: float
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The losses of prompts and maps, for samples of :func:`pretrain.samples.draw_sample`, stacked."""
        offset = self.offset(batch["image"].shape[-1])
        seen, dense, parts = self.encode(batch, offset)
        boxed = round(self.config.boxed * batch["boxes"].shape[1])
        groups = {
            "box": self.box_group(batch, slice(0, boxed), offset),
            "click": self.click_group(batch, slice(boxed, None), offset),
        }
        loss = dense_weight * dense
        rounds = {"box": 0, "click": 0}
        rounds["click" if self.chance() < self.config.clicks_again else "box"] = self.rounds()
        for name, group in groups.items():
            logits, quality = decode(self.sam, seen, offset, group.prompt)
            value, parts[name] = self.group_loss(group, logits, quality)
            share = boxed if name == "box" else batch["boxes"].shape[1] - boxed
            loss = loss + value * share / batch["boxes"].shape[1]
            for number in range(rounds[name]):
                group = self.corrected(group, logits, quality, offset)
                logits, quality = decode(self.sam, seen, offset, group.prompt)
                value, parts[f"{name}_again_{number + 1}"] = self.group_loss(group, logits, quality)
                loss = loss + self.config.again_weight * value
        return loss, parts

    def rounds(self) -> int:
        """How many corrective rounds a step has."""
        chances = torch.tensor(self.config.rounds)
        return int(torch.multinomial(chances, 1, generator=self.generator))

    def box_group(
        self, batch: dict[str, torch.Tensor], part: slice, offset: tuple[int, int]
    ) -> Group:
        """Boxes, mostly with their ellipse, sometimes with clicks or a rough mask."""
        objects = take(batch, part)
        shaken = prompts.shake_boxes(objects.boxes, self.config.shake, self.generator)
        rough = points = labels = None
        if self.chance() < 0.06:
            rough = prompts.coarse_mask(objects.masks, self.generator)
        if self.chance() < 0.3:
            points, labels = self.clicks(objects, int(self.chance() * 3) + 1)
        prompt = self.prompt(objects, offset, shaken, points, labels, rough)
        return Group(objects, prompt)

    def click_group(
        self, batch: dict[str, torch.Tensor], part: slice, offset: tuple[int, int]
    ) -> Group:
        """One click, several clicks, or a rough mask alone."""
        objects = take(batch, part)
        choice = self.chance()
        if choice < 0.05:
            rough = prompts.coarse_mask(objects.masks, self.generator)
            return Group(objects, self.prompt(objects, offset, None, None, None, rough))
        count = 1 if choice < 0.7 else int(self.chance() * 3) + 2
        points, labels = self.clicks(objects, count, first=True)
        prompt = self.prompt(objects, offset, None, points, labels, None)
        return Group(objects, prompt, several=count == 1)

    def prompt(
        self,
        objects: Objects,
        offset: tuple[int, int],
        boxes: torch.Tensor | None,
        points: torch.Tensor | None,
        labels: torch.Tensor | None,
        masks: torch.Tensor | None,
    ) -> Prompt:
        """What the model is given for places in a window: with its first guess, mostly."""
        size = objects.masks.shape[-1]
        guess = first_guess(boxes, points, labels, masks, size, size // 4)
        some = torch.rand(len(objects.masks), generator=self.generator) < self.config.prior
        kept = None
        if masks is not None:
            kept = kept_mask(points, labels, masks, size, size // 4)
        return Prompt(
            None if boxes is None else to_canvas(boxes, offset),
            None if points is None else to_canvas(points, offset),
            labels,
            guess,
            torch.ones_like(some) if masks is not None else some,
            kept,
        )

    def clicks(
        self, objects: Objects, count: int, first: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Clicks ``(N, count, 2)`` (row, column) and labels; with ``first`` the first is positive."""
        points, labels = [], []
        for number in range(count):
            positive = (first and number == 0) or self.chance() < 0.6
            place = objects.masks if positive else near(objects.masks, objects.boxes)
            if positive and self.chance() < 0.7:
                place = objects.depth
            point, some = prompts.draw_points(place, self.generator)
            drop = torch.rand(len(place), generator=self.generator) < (0.15 if number else 0.0)
            points.append(point)
            labels.append(torch.where(some & ~drop, float(positive), -1.0))
        return torch.stack(points, 1), torch.stack(labels, 1)

    def corrected(
        self, group: Group, logits: torch.Tensor, quality: torch.Tensor, offset: tuple[int, int]
    ) -> Group:
        """The same objects with the last logits as mask prompt and one click in the error."""
        index = (
            quality[:, 1:].argmax(1) + 1
            if group.several
            else torch.zeros(len(logits), dtype=torch.long)
        )
        last = logits.detach()[torch.arange(len(logits)), index]
        point, label = prompts.correct(group.objects.masks, last, self.generator)
        old = group.prompt
        points, labels = point[:, None], label[:, None].float()
        if old.points is not None and old.labels is not None:
            points = torch.cat([to_window(old.points, offset), points], 1)
            labels = torch.cat([old.labels, labels], 1)
        boxes = None if old.boxes is None else to_window(old.boxes, offset)
        masks = None if self.chance() < self.config.forget else last[:, None]
        prompt = self.prompt(group.objects, offset, boxes, points, labels, masks)
        return replace(group, prompt=prompt, several=False)

    def group_loss(
        self, group: Group, logits: torch.Tensor, quality: torch.Tensor
    ) -> tuple[torch.Tensor, float]:
        """Mask and IoU loss of a group, and the mean IoU of the mask that would be shown."""
        iou = true_iou(logits.detach(), group.objects.pooled)
        if not group.several:
            loss = mask_loss(logits[:, :1], group.objects.pooled, group.objects.boxes).mean()
            return loss + F.mse_loss(quality[:, 0], iou[:, 0]), float(iou[:, 0].mean())
        each = mask_loss(logits, group.objects.pooled, group.objects.boxes)
        best = (
            each[:, 1:].min(1).values.mean() + 0.05 * each[:, 1:].mean() + 0.2 * each[:, 0].mean()
        )
        shown = iou[:, 1:].gather(1, quality[:, 1:].argmax(1, keepdim=True))
        return best + F.mse_loss(quality, iou), float(shown.mean())


def take(batch: dict[str, torch.Tensor], part: slice) -> Objects:
    """Some objects of every image, flattened to one row an object."""
    masks = batch["masks"][:, part]
    depth = (batch["distance"][:, None] * masks).flatten(0, 1)
    masks = masks.flatten(0, 1)
    pooled = F.avg_pool2d(masks.float()[:, None], 2)[:, 0]
    return Objects(masks, pooled, batch["boxes"][:, part].flatten(0, 1), depth)


def near(masks: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Pixels around an object but not in it, ``(N, S, S)`` bool."""
    place = torch.arange(masks.shape[-1])
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.8 + 3
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2
    rows = (place[None] - centre[:, :1]).abs() < half[:, :1]
    columns = (place[None] - centre[:, 1:]).abs() < half[:, 1:]
    return rows[:, :, None] & columns[:, None] & ~masks


def to_canvas(place: torch.Tensor, offset: tuple[int, int]) -> torch.Tensor:
    """(row, column[, row, column]) of a window as (x, y[, x, y]) of the canvas."""
    pairs = place.unflatten(-1, (-1, 2)) + torch.tensor(offset, dtype=place.dtype)
    return pairs.flip(-1).flatten(-2)


def to_window(place: torch.Tensor, offset: tuple[int, int]) -> torch.Tensor:
    """The way back of :func:`to_canvas`."""
    pairs = place.unflatten(-1, (-1, 2)).flip(-1) - torch.tensor(offset, dtype=place.dtype)
    return pairs.flatten(-2)
