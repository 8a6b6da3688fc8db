"""Zooming in: small objects of large images are decided in windows of the image.

A model sees an image scaled to its input and decides masks on a grid of a quarter of that, so that
an object of ten pixels in an image of two thousand is smaller than one mask pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import PromptError
from napari_catsam.geometry import Frame
from napari_catsam.prediction.predictor import Predictor, check_prompts
from napari_catsam.prediction.window_cache import CacheInfo, Origins, WindowCache
from napari_catsam.prediction.window_prompts import Target, cut_prompts, find_targets
from napari_catsam.prediction.windows import Pyramid, Window
from napari_catsam.types import Intensity, Masks, Prompts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_catsam.models.catsam import CatSam

__all__ = ["TiledEmbedding", "TiledPredictor"]

AS_IS = Intensity("as-is")
"""Windows are cut from an image that was brought to 0..255 as a whole."""


@dataclass(frozen=True, eq=False)
class TiledEmbedding:
    """An image whose windows are embedded when an object first needs them.

    Attributes
    ----------
    rgb : ndarray, (H, W, 3), uint8
        The image as the model sees it, read-only.
    frame : Frame
        How the whole image lies in the model's input.
    model_id : str
        The model, weights and adapter that it is for; another model refuses it.
    """

    rgb: npt.NDArray[np.uint8] = field(repr=False)
    frame: Frame
    model_id: str
    cache: WindowCache = field(default_factory=WindowCache, init=False, repr=False)
    origins: Origins = field(default_factory=Origins, init=False, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image in pixels."""
        return self.frame.size

    @property
    def pyramid(self) -> Pyramid:
        """Where the windows of the image lie."""
        return Pyramid(self.size, self.frame.side)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows that are embedded now, the least recently used first."""
        return self.cache.info()[1]

    def cache_info(self) -> CacheInfo:
        """Return how often windows were embedded, and what they use."""
        return self.cache.info()[0]


class TiledPredictor:
    """A :class:`~napari_catsam.Predictor` that zooms in on small objects of large images.

    Each object is decided in one window of a pyramid: level 0 is the whole image, level k has
    square windows of side L / 2**k (L being the longest side) half a window apart, down to windows
    of half of the model's input. An object with an extent - a box, a mask prompt, several positive
    clicks - gets the smallest window that is about four times as long and has all its prompts in
    it. A lone click gets the largest window of which the model sees every pixel. Where the mask of
    an object without a box runs into an edge of its window beyond which the image goes on, the next
    larger window decides.

    Images shorter than the model's input have one level, and masks are those of ``Predictor``.

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    """

    def __init__(self, model: CatSam) -> None:
        self.model = model
        self._predictor = Predictor(model)
        self.model_id = self._predictor.model_id

    def embed(self, image: npt.ArrayLike, intensity: Intensity | None = None) -> TiledEmbedding:
        """Prepare an image plane; its windows are embedded when an object first needs them.

        Parameters
        ----------
        image : array_like, (H, W) or (H, W, C)
            Any real dtype, C up to 4. It is copied.
        intensity : Intensity, optional
            How values become 0..255, rounded to whole numbers; the model's own way when left out.
            Percentiles are those of the whole image, the same for all windows.

        Returns
        -------
        TiledEmbedding

        Raises
        ------
        ImageError
            If the image is empty, not finite or of the wrong shape.
        """
        mapped = (intensity or self.model.intensity).apply(image)
        rgb = np.rint(mapped).astype(np.uint8)
        rgb.setflags(write=False)
        height, width = rgb.shape[:2]
        frame = Frame((height, width), self.model.backbone.image_size, self.model.resize)
        return TiledEmbedding(rgb, frame, self.model_id)

    def predict(self, embedding: TiledEmbedding, prompts: Prompts) -> Masks:
        """Segment one object a row of the prompts, each in its own window.

        Parameters
        ----------
        embedding : TiledEmbedding
            From :meth:`embed` of a tiled predictor with the same model.
        prompts : Prompts
            N objects, in pixels of the image.

        Returns
        -------
        Masks
            N masks at the size of the image, False outside of an object's window. The logits are
            those of the window; given back as mask prompt to the same embedding, they keep the
            object in this window, or move with it if a new prompt lies outside.

        Raises
        ------
        PromptError
            If a prompt lies outside of the image, another model made the embedding, or mask prompts
            are logits that this embedding did not return.
        OutOfMemoryError
            If the device has too little memory for the image encoder or for one object.
        """
        placed = self._place(embedding, prompts)
        count, low = len(prompts), self.model.backbone.low_resolution
        masks = np.zeros((count, *embedding.size), bool)
        scores, logits = np.empty(count, np.float32), np.empty((count, low, low), np.float32)
        waiting = np.arange(count)
        while len(waiting):
            cut: list[int] = []
            for window, rows in _group(placed, waiting):
                sources = [placed[row].source for row in rows]
                some = self._predict_window(embedding, window, prompts.select(rows), sources)
                masks[rows] = False
                masks[(rows, *window.slices)] = some.masks
                scores[rows], logits[rows] = some.scores, some.logits
                cut += [
                    row
                    for row, mask in zip(rows.tolist(), some.masks, strict=True)
                    if not placed[row].target.bounded and window.cuts(mask, embedding.size)
                ]
            for row in cut:
                placed[row] = placed[row].widen(embedding.pyramid)
            waiting = np.asarray(cut, dtype=np.intp)
        if len(embedding.pyramid.sides) > 1:
            for one, of_one in zip(placed, logits, strict=True):
                embedding.origins.remember(of_one, one.target.anchor, one.window)
        return Masks(masks, scores, logits)

    def choose_windows(self, embedding: TiledEmbedding, prompts: Prompts) -> list[Window]:
        """Choose the window in which each object is tried first.

        Parameters
        ----------
        embedding, prompts
            As in :meth:`predict`.

        Returns
        -------
        list of Window
            One an object.

        Raises
        ------
        PromptError
            As in :meth:`predict`.
        """
        return [one.window for one in self._place(embedding, prompts)]

    def _place(self, embedding: TiledEmbedding, prompts: Prompts) -> list[_Placed]:
        """Check the prompts and find the first window of each object."""
        if embedding.model_id != self.model_id:
            raise PromptError(
                f"the embedding was made by {embedding.model_id}, this predictor has "
                f"{self.model_id}; embed the image again"
            )
        check_prompts(prompts, embedding.frame)
        pyramid, low = embedding.pyramid, self.model.backbone.low_resolution
        masks = None if prompts.masks is None else np.asarray(prompts.masks)
        if masks is not None:
            embedding.frame.masks_to_input(masks[:1], low)  # raises if they have another size
            if masks.dtype.kind == "f" and masks.shape[1:] == (low, low):
                targets = find_targets(prompts, None, pyramid)
                return [
                    _place_again(embedding, target, logits)
                    for target, logits in zip(targets, masks, strict=True)
                ]
        return [
            _Placed(target, pyramid.find_window(target.level, target.centre, target.points))
            for target in find_targets(prompts, masks, pyramid)
        ]

    def _predict_window(
        self,
        embedding: TiledEmbedding,
        window: Window,
        prompts: Prompts,
        sources: list[Window | None],
    ) -> Masks:
        """Segment the objects of one window."""
        inside = embedding.cache.fetch(
            window, lambda: self._predictor.embed(embedding.rgb[window.slices], AS_IS)
        )
        low = self.model.backbone.low_resolution
        return self._predictor.predict(
            inside, cut_prompts(prompts, sources, window, inside.frame, low)
        )


@dataclass(frozen=True, eq=False)
class _Placed:
    """An object, the window that it is in, and the one in which its logits were decided before."""

    target: Target
    window: Window
    source: Window | None = None

    def widen(self, pyramid: Pyramid) -> _Placed:
        """Go to a larger window around this one."""
        level, centre = self.window.level - 1, self.window.centre
        return replace(self, window=pyramid.find_window(level, centre, self.target.points))


def _place_again(
    embedding: TiledEmbedding, target: Target, logits: npt.NDArray[np.floating]
) -> _Placed:
    """Place an object whose logits of an earlier call came back, in the same window if it can be."""
    pyramid = embedding.pyramid
    if len(pyramid.sides) == 1:
        return _Placed(target, pyramid.whole, pyramid.whole)
    source = embedding.origins.find(logits, target.anchor)
    if source is None:
        raise PromptError(
            f"mask prompts of {logits.shape[0]} x {logits.shape[1]} are logits that this embedding "
            "did not return, so their place is unknown; give masks at the size of the image"
        )
    if source.contains(target.points):
        return _Placed(target, source, source)
    level = min(source.level, target.level)
    return _Placed(target, pyramid.find_window(level, target.centre, target.points), source)


def _group(
    placed: list[_Placed], rows: npt.NDArray[np.intp]
) -> Iterator[tuple[Window, npt.NDArray[np.intp]]]:
    """Yield each window with the rows of the objects in it."""
    groups: dict[Window, list[int]] = {}
    for row in rows.tolist():
        groups.setdefault(placed[row].window, []).append(row)
    for window, members in groups.items():
        yield window, np.asarray(members)
