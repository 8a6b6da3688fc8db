"""The predictor: an embedding of an image, then masks from prompts."""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_catsam.errors import OutOfMemoryError, PromptError
from napari_catsam.geometry import Frame
from napari_catsam.heap import keep_freed_memory
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.parts import join_to_clicks
from napari_catsam.prediction.positive_part import logits_to_masks
from napari_catsam.prediction.readings import Readings, choose_masks, list_readings
from napari_catsam.types import Embedding, Intensity, Masks, Prompts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Predictor"]

_LOG = logging.getLogger(__name__)

CHUNK_BYTES = 2**30
"""What the decoder may use at a time for many objects."""


class Predictor:
    """Embed once, prompt many times; there is no "current image".

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    """

    def __init__(self, model: CatSam) -> None:
        self.model = model
        self.model_id = model.model_id
        low, width = model.backbone.low_resolution, model.backbone.decoder_width
        # Upscaled maps and their refinement, about 20 maps of an eighth of the width a pixel.
        self.chunk = max(1, CHUNK_BYTES // (low * low * (width // 8) * 4 * 20))

    def embed(self, image: npt.ArrayLike, intensity: Intensity | None = None) -> Embedding:
        """Run the image encoder on one image plane.

        Parameters
        ----------
        image : array_like, (H, W) or (H, W, C)
            Any real dtype, C up to 4.
        intensity : Intensity, optional
            How values become 0..255; the model's own way (that of its adapter) when left out.

        Returns
        -------
        Embedding
            On the model's device.

        Raises
        ------
        ImageError
            If the image is empty, not finite or of the wrong shape.
        OutOfMemoryError
            If the device has too little memory for the image encoder.
        """
        pixels, frame = self.preprocess(image, intensity)
        try:
            on_cpu = self.model.device.type == "cpu"
            with torch.no_grad(), keep_freed_memory() if on_cpu else nullcontext():
                encoded = self.model.encode(pixels)
                detail = self.model.detail(encoded)
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(
                f"{self.model.backbone.name} does not fit into the memory of {self.model.device}; "
                "choose a smaller model or the device cpu"
            ) from error
        return Embedding(encoded.features, encoded.early, detail, frame, self.model_id)

    def preprocess(
        self, image: npt.ArrayLike, intensity: Intensity | None = None
    ) -> tuple[torch.Tensor, Frame]:
        """Bring an image to the model's input.

        Parameters
        ----------
        image : array_like, (H, W) or (H, W, C)
            Any real dtype.
        intensity : Intensity, optional
            As in :meth:`embed`.

        Returns
        -------
        Tensor, (1, 3, S, S)
            Normalised, on the model's device.
        Frame
            Where the image lies in it.
        """
        rgb = (intensity or self.model.intensity).apply(image)
        height, width = rgb.shape[:2]
        frame = Frame((height, width), self.model.backbone.image_size, self.model.resize)
        pixels = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
        return frame.image_to_input(pixels.to(self.model.device)), frame

    def predict(self, embedding: Embedding, prompts: Prompts) -> Masks:
        """Segment one object a row of the prompts.

        With SAM's own decoder the mask is its single-mask output, and for a lone click the best of
        its three readings by expected IoU; an HQ head has one mask.

        Parameters
        ----------
        embedding : Embedding
            From :meth:`embed` of a predictor with the same model.
        prompts : Prompts
            N objects, in pixels of the image.

        Returns
        -------
        Masks
            N masks at the size of the image.

        Raises
        ------
        PromptError
            If a prompt lies outside of the image, or another model made the embedding.
        OutOfMemoryError
            If not even one object fits into the device's memory.
        """
        self._check(embedding, prompts)
        count, low = len(prompts), self.model.backbone.low_resolution
        masks = np.empty((count, *embedding.size), bool)
        scores, logits = np.empty(count, np.float32), np.empty((count, low, low), np.float32)
        with torch.no_grad():
            for group in split_prompts(prompts):
                for rows, some in self._predict_chunks(embedding, prompts, group):
                    if len(rows) == count:  # all at once: no copy of large masks
                        return some
                    masks[rows], scores[rows], logits[rows] = some.masks, some.scores, some.logits
        return Masks(masks, scores, logits)

    def predict_readings(self, embedding: Embedding, prompts: Prompts) -> Masks:
        """Segment one object, with all that its prompt may mean.

        A lone click on a button of a coat may mean the button, the coat or the person; SAM gives
        three masks for it. Boxes, several clicks and an HQ head have one.

        Parameters
        ----------
        embedding : Embedding
            From :meth:`embed` of a predictor with the same model.
        prompts : Prompts
            One object, in pixels of the image.

        Returns
        -------
        Masks
            1 or 3 masks at the size of the image, that with the highest expected IoU first.

        Raises
        ------
        PromptError
            If there are more objects than one, the prompt lies outside of the image, or another
            model made the embedding.
        """
        found = self.decode_readings(embedding, prompts)
        return Masks(found.draw_all(), found.scores, found.logits)

    def decode_readings(self, embedding: Embedding, prompts: Prompts) -> Readings:
        """Do the same as :meth:`predict_readings`, but bring no mask to the size of the image yet.

        Parameters
        ----------
        embedding : Embedding
            From :meth:`embed` of a predictor with the same model.
        prompts : Prompts
            One object, in pixels of the image.

        Returns
        -------
        Readings
            1 or 3, that with the highest expected IoU first.

        Raises
        ------
        PromptError
            As there.
        """
        if len(prompts) != 1:
            raise PromptError(f"there are {len(prompts)} objects; readings are of one at a time")
        self._check(embedding, prompts)
        with torch.no_grad():
            tensors = self.prompts_to_input(prompts, embedding.frame)
            decoded = self.model.decode(embedding.features, embedding.detail, tensors)
            logits, scores = list_readings(decoded, lone_click=tensors.lone_click)
            logits = self._join(logits, tensors)
        return Readings(embedding.frame, logits, scores.cpu().numpy())

    def _check(self, embedding: Embedding, prompts: Prompts) -> None:
        """Raise :class:`PromptError` unless the prompts can be used with the embedding."""
        if embedding.model_id != self.model_id:
            raise PromptError(
                f"the embedding was made by {embedding.model_id}, this predictor has "
                f"{self.model_id}; embed the image again"
            )
        check_prompts(prompts, embedding.frame)

    def _predict_chunks(
        self, embedding: Embedding, prompts: Prompts, group: npt.NDArray[np.intp]
    ) -> Iterator[tuple[npt.NDArray[np.intp], Masks]]:
        """Yield rows and their masks chunk by chunk, in smaller ones if memory is short."""
        pixels = math.prod(embedding.size) + embedding.frame.side**2  # logits at both sizes
        limit = max(1, CHUNK_BYTES // (4 * pixels))
        while len(group):
            rows = group[: min(self.chunk, limit)]
            try:
                some = self._predict_together(embedding, prompts.select(rows))
            except torch.OutOfMemoryError as error:
                if self.chunk == 1:
                    raise OutOfMemoryError(
                        f"one object does not fit into the memory of {self.model.device}; "
                        "close other programs or choose the device cpu"
                    ) from error
                self.chunk = max(1, len(rows) // 2)
                _LOG.warning(
                    "not enough memory on the device, decoding %d objects a time", self.chunk
                )
                continue
            yield rows, some
            group = group[len(rows) :]

    def _predict_together(self, embedding: Embedding, prompts: Prompts) -> Masks:
        """Segment objects in one run of the decoder."""
        tensors = self.prompts_to_input(prompts, embedding.frame)
        decoded = self.model.decode(embedding.features, embedding.detail, tensors)
        logits, scores = choose_masks(decoded, lone_click=tensors.lone_click)
        logits = self._join(logits, tensors)
        masks = logits_to_masks(embedding.frame, logits)
        return Masks(masks, scores.cpu().numpy(), logits.cpu().numpy())

    def _join(self, logits: torch.Tensor, tensors: PromptTensors) -> torch.Tensor:
        """Join masks to their clicks, for a small model of ours; a large one or an adapter may mean it."""
        backbone = self.model.backbone
        own = backbone.box_prior and self.model.method == "sam"
        return join_to_clicks(logits, tensors, backbone.image_size) if own else logits

    def prompts_to_input(self, prompts: Prompts, frame: Frame) -> PromptTensors:
        """Bring prompts to the model's input and device; padding points shared by all rows go."""
        points, labels = prompts.points, prompts.labels
        point_tensor = label_tensor = None
        if points is not None and labels is not None:
            real, points = np.asarray(labels) >= 0, np.asarray(points)
            width = int(real.sum(axis=1).max())
            # Real points first; a stable sort keeps the order in which they were clicked.
            order = np.argsort(~real, axis=1, kind="stable")[:, :width]
            if width:
                point_tensor = frame.points_to_input(
                    np.take_along_axis(points, order[..., None], 1)
                )
                label_tensor = torch.from_numpy(np.take_along_axis(np.asarray(labels), order, 1))
        low = self.model.backbone.low_resolution
        return PromptTensors(
            boxes=None if prompts.boxes is None else frame.boxes_to_input(prompts.boxes),
            points=point_tensor,
            labels=label_tensor,
            masks=None if prompts.masks is None else frame.masks_to_input(prompts.masks, low),
        ).to(self.model.device)


def split_prompts(prompts: Prompts) -> list[npt.NDArray[np.intp]]:
    """Group objects by their number of real points.

    SAM embeds a padding point as a token of its own, so an object would get another mask beside one
    with more clicks; in groups of equal number nothing is padded.

    Returns
    -------
    list of ndarray of int
        Rows of each group, together every row once.
    """
    if prompts.labels is None:
        return [np.arange(len(prompts))]
    counts = (np.asarray(prompts.labels) >= 0).sum(axis=1)
    return [np.flatnonzero(counts == count) for count in np.unique(counts)]


def check_prompts(prompts: Prompts, frame: Frame) -> None:
    """Raise :class:`PromptError` unless all boxes and real points lie on the image."""
    if prompts.boxes is not None:
        boxes = np.asarray(prompts.boxes)
        frame.check_inside(boxes.reshape(-1, 2), "the box corner")
    if prompts.points is not None:
        real = np.asarray(prompts.labels) >= 0
        frame.check_inside(np.asarray(prompts.points)[real], "the point")
