"""Adapt Segment Anything to your images from a few masks (CAT-SAM), in napari and in Python.

The names below are imported when they are first used: ``import napari_catsam`` itself loads
neither torch nor napari nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_catsam._version import __version__

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.adaptation.state import RunState
    from napari_catsam.adaptation.train import adapt, fit
    from napari_catsam.evaluation.evaluator import evaluate
    from napari_catsam.models.adapter import Adapter, load_adapter
    from napari_catsam.models.loading import load_model
    from napari_catsam.models.official import CATSAMA, CATSAMT
    from napari_catsam.prediction.predictor import Predictor
    from napari_catsam.prediction.tiles import TiledPredictor
    from napari_catsam.types import Embedding, Intensity, Masks, Progress, Prompts, Shot

__all__ = [
    "CATSAMA",
    "CATSAMT",
    "Adapter",
    "Embedding",
    "Intensity",
    "Masks",
    "Predictor",
    "Progress",
    "Prompts",
    "RunState",
    "Shot",
    "TiledPredictor",
    "TrainConfig",
    "__version__",
    "adapt",
    "errors",
    "evaluate",
    "fit",
    "load_adapter",
    "load_model",
]

_HOMES = {
    "CATSAMA": "models.official",
    "CATSAMT": "models.official",
    "Adapter": "models.adapter",
    "Embedding": "types",
    "Intensity": "types",
    "Masks": "types",
    "Predictor": "prediction.predictor",
    "Progress": "types",
    "Prompts": "types",
    "RunState": "adaptation.state",
    "Shot": "types",
    "TiledPredictor": "prediction.tiles",
    "TrainConfig": "adaptation.config",
    "adapt": "adaptation.train",
    "evaluate": "evaluation.evaluator",
    "fit": "adaptation.train",
    "load_adapter": "models.adapter",
    "load_model": "models.loading",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("napari_catsam.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'napari_catsam' has no attribute {name!r}")
    value = getattr(import_module(f"napari_catsam.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))
