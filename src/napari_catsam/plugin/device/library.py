"""What the plugin needs of the library, and the library itself, imported at the first use.

Tests put something faster in its place; torch is loaded by :class:`Library` alone, in a worker.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy.typing as npt

from napari_catsam.errors import CheckpointError
from napari_catsam.plugin.adapt.recipe import USUAL_METHODS, Recipe
from napari_catsam.sam.weight_files import WEIGHTS, find_fault
from napari_catsam.types import Intensity, Masks, Progress, Prompts, Shot

__all__ = ["Library", "LibraryLike", "PredictorLike"]

Precision = Literal["auto", "fp32", "bf16"]

METHODS = (*USUAL_METHODS, "adaptformer", "lora", "vpt-deep", "vpt-shallow")
"""What the registry has; it loads torch, and is asked for more after the first use."""


class PredictorLike(Protocol):
    """What embeds and prompts: :class:`napari_catsam.Predictor`."""

    def embed(self, image: npt.ArrayLike, intensity: Intensity | None = None) -> Any:
        """Return an embedding of an image plane."""

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        """Return one mask an object."""

    def predict_readings(self, embedding: Any, prompts: Prompts) -> Masks:
        """Return all masks that the prompt of one object may mean, the likeliest first."""

    def decode_readings(self, embedding: Any, prompts: Prompts) -> Any:
        """Return the same as :class:`~napari_catsam.prediction.readings.Readings`."""


class LibraryLike(Protocol):
    """Models and training; all but the two lists of names are called in a worker."""

    def backbones(self) -> list[str]:
        """Return the names of the backbones, without loading torch."""

    def methods(self) -> list[str]:
        """Return the names of the methods that train something, without loading torch."""

    def load_model(
        self, backbone: str, device: str, precision: str = "auto", folder: str = ""
    ) -> Any:
        """Load a base model, whose weights are looked for in ``folder`` first."""

    def device_of(self, model: Any) -> str:
        """Return where a model computes, such as ``cuda:0``."""

    def measure_memory(self, model: Any, embeddings: int) -> int:
        """Return the bytes in use there, by a model and embeddings of so many bytes."""

    def apply_adapter(self, model: Any, adapter: Any) -> Any:
        """Make an adapted model on the same frozen weights."""

    def predictor(self, model: Any) -> PredictorLike:
        """Make a predictor of a model."""

    def fit(
        self,
        model: Any,
        shots: Sequence[Shot],
        *,
        method: str,
        budget: float,
        recipe: Recipe,
        intensity: Intensity,
        pixel_size: tuple[float, float] | None,
        preview: Any = None,
    ) -> Generator[Progress, bool | None, Any]:
        """Train; returns an adapter with ``header`` and ``save(path)``.

        ``preview`` is a :class:`~napari_catsam.adaptation.preview.Preview`, or None.
        """

    def load_adapter(self, path: Path) -> Any:
        """Read an adapter file."""

    def add_note(self, adapter: Any, note: str) -> Any:
        """Return the same adapter with the user's words before the note in its header."""


class Library:
    """The real one."""

    def backbones(self) -> list[str]:
        """Return the names of the backbones, smallest first."""
        return list(WEIGHTS)

    def methods(self) -> list[str]:
        """Return the names of the methods, the usual ones first."""
        import sys

        if "napari_catsam.models.loading" not in sys.modules:
            return list(METHODS)
        from napari_catsam.tuning import list_methods

        found = [name for name in list_methods() if name != "sam"]
        return list(dict.fromkeys((*USUAL_METHODS, *found)))

    def load_model(
        self, backbone: str, device: str, precision: str = "auto", folder: str = ""
    ) -> Any:
        """Load a base model; see :func:`napari_catsam.load_model`.

        Parameters
        ----------
        backbone, device, precision : str
            As there.
        folder : str
            Where downloaded weights are looked for before the usual folder; empty for there alone.
        """
        _prepare_torch()
        from napari_catsam.models.loading import load_model

        checkpoint = _find_checkpoint(backbone, folder)
        return load_model(backbone, None, checkpoint, device, cast(Precision, precision))

    def device_of(self, model: Any) -> str:
        """Return where a model computes: ``cpu``, ``cuda:0``, ``mps``."""
        return str(model.device).replace("mps:0", "mps")

    def measure_memory(self, model: Any, embeddings: int) -> int:
        """Return the bytes in use where a model computes.

        On a GPU all that PyTorch holds there; elsewhere the model and the embeddings, as what a
        process takes is counted in another way on every system.
        """
        import torch

        if model.device.type == "cuda":
            return int(torch.cuda.memory_allocated(model.device))
        return embeddings + sum(int(tensor.nbytes) for tensor in model.state_dict().values())

    def apply_adapter(self, model: Any, adapter: Any) -> Any:
        """Put an adapter on a model; see :func:`napari_catsam.models.adapter.apply_adapter`."""
        from napari_catsam.models.adapter import apply_adapter

        return apply_adapter(model, adapter)

    def predictor(self, model: Any) -> PredictorLike:
        """Make a :class:`napari_catsam.Predictor`."""
        from napari_catsam.prediction.predictor import Predictor

        return Predictor(model)

    def fit(
        self,
        model: Any,
        shots: Sequence[Shot],
        *,
        method: str,
        budget: float,
        recipe: Recipe,
        intensity: Intensity,
        pixel_size: tuple[float, float] | None,
        preview: Any = None,
    ) -> Generator[Progress, bool | None, Any]:
        """Train a method on shots; see :func:`napari_catsam.fit`."""
        from napari_catsam.adaptation.config import TrainConfig
        from napari_catsam.adaptation.train import fit

        chosen = {name: value for name, value in asdict(recipe).items() if value is not None}
        config = TrainConfig(
            method=method, budget_s=budget, intensity=intensity, pixel_size=pixel_size, **chosen
        )
        return fit(model, shots, config, preview=preview)

    def load_adapter(self, path: Path) -> Any:
        """Read an adapter file; see :func:`napari_catsam.load_adapter`."""
        _prepare_torch()
        from napari_catsam.models.adapter import load_adapter

        return load_adapter(path)

    def add_note(self, adapter: Any, note: str) -> Any:
        """Return the same adapter with the user's words before the note in its header."""
        header = replace(adapter.header, note="; ".join(filter(None, [note, adapter.header.note])))
        return replace(adapter, header=header)


def _find_checkpoint(backbone: str, folder: str) -> Path | None:
    """Return the weights of a backbone in a folder, None if they are not there."""
    row = WEIGHTS.get(backbone)
    if not folder or row is None or row.embedded:
        return None
    path = Path(folder).expanduser() / row.file_name
    if not path.is_file():
        return None
    fault = find_fault(row, path)
    if fault:
        raise CheckpointError(f"{path} is broken or another file: {fault}; remove or replace it")
    return path


def _prepare_torch() -> None:
    """Do what has to be done before torch is imported beside an open window with OpenGL.

    The package does so itself when it is imported, but that may be before the window opened.
    """
    from napari_catsam.sam.libraries import load_triton_apart

    load_triton_apart()
