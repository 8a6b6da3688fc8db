"""What runs in the worker: load, embed, predict, train. It gets arrays and gives values.

One engine has one model in memory and a few embeddings; only jobs of one queue use it, so that
nothing here needs a lock.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.recipe import AS_USUAL, Recipe
from napari_catsam.plugin.adapt.shot_source import ShotSource
from napari_catsam.plugin.device.embedding_store import EmbeddingStore
from napari_catsam.plugin.device.library import LibraryLike, PredictorLike
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.plugin.live.live_object import Reading, Undrawn
from napari_catsam.plugin.wording import describe_plane
from napari_catsam.types import Progress, Prompts, Shot

__all__ = ["Engine", "ModelChoice", "ShotSource", "Usage"]

MASK_BYTES, MOST_AT_ONCE = 2**28, 16
"""Full-size masks that may be in memory together, and objects for which prompts and Stop wait."""

QUICK_PLANE = 2**20
"""Pixels of the largest plane to which all readings of a click are brought at once; to a larger one
the second and the third, which are often as large as the image, when they are asked for."""

EMBEDDING_BYTES = 2**29
"""Embeddings that are kept, a few MB each."""


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """Which model to use.

    Attributes
    ----------
    backbone, device : str
        Names.
    adapter : Adapter or None
        What to put into it.
    adapter_name : str
        What the user calls the adapter; its method when left out.
    precision : str
        Of the image encoder.
    folder : str
        Where weights are looked for first; empty for the usual folder alone.
    """

    backbone: str
    device: str
    adapter: Any = None
    adapter_name: str = ""
    precision: str = "auto"
    folder: str = ""

    @property
    def tag(self) -> str:
        """Tell it from others on the same backbone: "base", or what the adapter is called."""
        if self.adapter is None:
            return "base"
        return self.adapter_name or str(self.adapter.header.method)

    @property
    def base_key(self) -> tuple[str, ...]:
        """The same for the same model without its adapter."""
        return (self.backbone, self.device, self.precision, self.folder)

    @property
    def key(self) -> tuple[str, ...]:
        """The same for the same model."""
        tail = () if self.adapter is None else (str(self.adapter.sha256),)
        return (*self.base_key, *tail)

    def __str__(self) -> str:
        """Name the model for a status line."""
        if self.adapter is None:
            return self.backbone
        return f"{self.backbone} + {self.tag}"


@dataclass(frozen=True)
class Usage:
    """What a model takes.

    Attributes
    ----------
    model : tuple of str
        Which one, :attr:`ModelChoice.base_key`.
    device : str
        Where it computes, such as ``cuda:0``.
    memory : int
        Bytes in use there.
    """

    model: tuple[str, ...]
    device: str
    memory: int


class Engine:
    """The device's side of a session.

    Parameters
    ----------
    library : LibraryLike
        Models and training.

    Attributes
    ----------
    embeddings : EmbeddingStore
        What is kept of planes; its limit may be set from the main thread.
    usage : Usage or None
        What the model takes as of the last step, None before there is one. Any thread may read it:
        it is replaced as a whole.
    """

    def __init__(self, library: LibraryLike) -> None:
        self.embeddings = EmbeddingStore(EMBEDDING_BYTES)
        self.usage: Usage | None = None
        self._library = library
        self._model_key: tuple[str, ...] | None = None
        self._model: Any = None
        self._predictors: dict[tuple[str, ...], PredictorLike] = {}

    def segment(
        self, choice: ModelChoice, plane: Plane, prompts: PromptSet
    ) -> Generator[str, bool | None, list[ObjectMask]]:
        """Segment every object of a plane; yields what is done, returns one mask an object."""
        objects: list[ObjectMask] = []
        for step in self.segment_in_batches(choice, plane, prompts):
            if isinstance(step, str):
                yield step
            else:
                objects += step
        return objects

    def segment_in_batches(
        self, choice: ModelChoice, plane: Plane, prompts: PromptSet
    ) -> Iterator[str | list[ObjectMask]]:
        """Segment every object of a plane; yields what is done, and then the masks of a batch."""
        predictor = yield from self._get_predictor(choice)
        embedding = yield from self._get_embedding(predictor, choice, plane)
        most = min(MOST_AT_ONCE, max(1, MASK_BYTES // (plane.size[0] * plane.size[1])))
        for batch in prompts.batches(plane.size, most):
            yield f"segmenting {len(prompts)} object{'s' if len(prompts) > 1 else ''}"
            yield _segment(predictor, embedding, batch)

    def preview(
        self, choice: ModelChoice, plane: Plane, prompts: Prompts
    ) -> Generator[str, bool | None, tuple[Reading | Undrawn, ...]]:
        """Segment one object that is being annotated; returns all that its prompts may mean."""
        predictor = yield from self._get_predictor(choice)
        embedding = yield from self._get_embedding(predictor, choice, plane)
        if plane.size[0] * plane.size[1] > QUICK_PLANE:
            readings = predictor.decode_readings(embedding, prompts)
            draw = partial(_draw, readings, choice)
            return draw(0), *(Undrawn(partial(draw, n)) for n in range(1, len(readings)))
        found = predictor.predict_readings(embedding, prompts)
        return tuple(
            Reading(ObjectMask.cut(mask, float(score)), logits, choice.tag, choice.key)
            for mask, score, logits in zip(found.masks, found.scores, found.logits, strict=True)
        )

    def adapt(
        self,
        choice: ModelChoice,
        source: ShotSource,
        *,
        method: str,
        budget: float,
        recipe: Recipe = AS_USUAL,
        preview: Any = None,
    ) -> Generator[str | Progress, bool | None, Any]:
        """Train on the labels drawn so far, from the model as chosen; returns an adapter.

        What ``preview`` draws between two steps comes in a progress of its own.
        """
        model = yield from self._get_model(choice)
        if choice.adapter is not None:
            model = self._library.apply_adapter(model, choice.adapter)
        yield "reading the labels"
        shots = source.read()
        yield f"preparing {method} on {_count_objects(shots)}"
        adapter = yield from self._library.fit(
            model,
            shots,
            method=method,
            budget=budget,
            recipe=recipe,
            preview=preview,
            intensity=source.plane.intensity,
            pixel_size=source.pixel_size,
        )
        return adapter

    def load_adapter(self, path: Path, choice: ModelChoice) -> Generator[str, bool | None, Any]:
        """Read an adapter and check that it fits its backbone; returns it."""
        yield f"reading {path.name}"
        adapter = self._library.load_adapter(path)
        fitting = replace(choice, backbone=adapter.header.backbone, adapter=adapter)
        yield from self._get_predictor(fitting)
        return adapter

    def load_adapters(self, paths: Sequence[Path]) -> Generator[str, bool | None, list[Any]]:
        """Read adapters; returns one a path, None where that cannot be read."""
        adapters: list[Any] = []
        for path in paths:
            yield f"reading {path.name}"
            try:
                adapters.append(self._library.load_adapter(path))
            except CatsamError:
                adapters.append(None)
        return adapters

    def save_adapter(
        self, adapter: Any, path: Path, note: str = ""
    ) -> Generator[str, bool | None, Path]:
        """Write an adapter, with the user's words before its own note; returns where."""
        yield f"writing {path.name}"
        if note:
            adapter = self._library.add_note(adapter, note)
        written: Path = adapter.save(path)
        return written

    def _get_model(self, choice: ModelChoice) -> Generator[str, bool | None, Any]:
        if choice.base_key != self._model_key:
            yield f"loading {choice.backbone}"
            model = self._library.load_model(*choice.base_key)
            self._predictors.clear()
            self.embeddings.clear()
            self._model, self._model_key = model, choice.base_key
            self._measure()
        return self._model

    def _measure(self) -> None:
        if self._model_key is not None:
            device = self._library.device_of(self._model)
            memory = self._library.measure_memory(self._model, self.embeddings.nbytes)
            self.usage = Usage(self._model_key, device, memory)

    def _get_predictor(self, choice: ModelChoice) -> Generator[str, bool | None, PredictorLike]:
        model = yield from self._get_model(choice)
        if choice.key not in self._predictors:
            if choice.adapter is not None:
                yield "applying the adapter"
                model = self._library.apply_adapter(model, choice.adapter)
            self._predictors[choice.key] = self._library.predictor(model)
        return self._predictors[choice.key]

    def _get_embedding(
        self, predictor: PredictorLike, choice: ModelChoice, plane: Plane
    ) -> Generator[str, bool | None, Any]:
        known = self.embeddings.recall(plane, choice.key)
        if known is not None:
            return known
        image = plane.read()
        key = self.embeddings.identify(plane, image, choice.key)
        embedding = self.embeddings.get(key)
        if embedding is None:
            yield f"embedding {describe_plane(plane)}"
            embedding = predictor.embed(image, plane.intensity)
            self.embeddings.keep(key, embedding)
            self._measure()
        return embedding


def _segment(predictor: PredictorLike, embedding: Any, prompts: Prompts) -> list[ObjectMask]:
    found = predictor.predict(embedding, prompts)
    pairs = zip(found.masks, found.scores, strict=True)
    return [ObjectMask.cut(mask, float(score)) for mask, score in pairs]


def _draw(readings: Any, choice: ModelChoice, number: int) -> Reading:
    mask = ObjectMask.cut(readings.draw(number), float(readings.scores[number]))
    return Reading(mask, readings.logits[number], choice.tag, choice.key)


def _count_objects(shots: list[Shot]) -> str:
    masks = [np.asarray(shot.masks) for shot in shots]
    objects = sum(len(np.unique(m[m != 0])) for m in masks)
    planes = "" if len(shots) == 1 else f" on {len(shots)} planes"
    return f"{objects} mask{'' if objects == 1 else 's'}{planes}"
