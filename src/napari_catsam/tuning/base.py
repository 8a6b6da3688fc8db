"""The tuning seam: what a method may change in a frozen image encoder, and the registry of methods."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
from torch import nn

import napari_catsam.tuning as package
from napari_catsam.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_catsam.sam.backbones import Backbone

__all__ = ["Tuner", "build_tuner", "list_methods", "register"]


class Tuner(nn.Module):
    """The trained part of a method inside the image encoder; this base changes nothing.

    A tuner's own parameters are what it trains. It holds no reference to frozen parameters, so its
    ``state_dict`` is what an adapter file keeps of it.

    Parameters
    ----------
    backbone : Backbone
        The frozen model that it is for.

    Attributes
    ----------
    identity_at_init : bool
        Whether the encoder gives the same output as before, until the first training step.
    has_head : bool
        Whether the method also trains the HQ head of the mask decoder.
    isolated : bool
        Whether what is trained must be an addition that is exactly zero after :meth:`neutralise`;
        only a method that is not so by itself looks at it.
    """

    identity_at_init: ClassVar[bool] = False
    has_head: ClassVar[bool] = True

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.depth = backbone.depth
        self.isolated = False

    def attach(self, vit: Any) -> None:
        """Wrap sub-modules of the image encoder, once, after it was frozen.

        Parameters
        ----------
        vit : ImageEncoderViT
            SAM's image encoder with :class:`~napari_catsam.sam.attention.FusedAttention`.
        """

    def neutralise(self) -> None:
        """Set fresh parameters so that the encoder's output is the base's, as nearly as can be.

        Every parameter must still get a gradient within two training steps.
        """

    def start(self, image: torch.Tensor, patches: torch.Tensor, token: torch.Tensor) -> None:
        """Prepare one forward pass, before block 0.

        Parameters
        ----------
        image : Tensor, (B, 3, S, S)
            The normalised input.
        patches : Tensor, (B, g, g, C)
            The patch embedding, before the position embedding is added.
        token : Tensor, (1, D)
            The decoder's ``hf_token``: the bridge between encoder and decoder.
        """

    def before_block(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Change the input ``x`` (B, g, g, C) of block ``index``; same shape out."""
        return x

    def finish(self) -> None:
        """Drop what :meth:`start` kept, after the last block."""

    def kept(self) -> Any:
        """Return what :meth:`start` keeps for the blocks."""
        return None

    def resume(self, kept: Any) -> None:
        """Take :meth:`kept` back, so that a block can be run again for its gradient."""


_TunerType = TypeVar("_TunerType", bound=type[Tuner])
_REGISTRY: dict[str, type[Tuner]] = {}


def register(name: str) -> Callable[[_TunerType], _TunerType]:
    """Register a tuner class as method ``name``: all that a new method takes.

    Raises
    ------
    ValueError
        If the name is taken.
    """

    def add(cls: _TunerType) -> _TunerType:
        if name in _REGISTRY:
            raise ValueError(f"method {name!r} is registered twice")
        _REGISTRY[name] = cls
        return cls

    return add


def list_methods() -> list[str]:
    """Return the names of all methods, sorted; every module of this package is searched."""
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        import_module(module.name)
    return sorted(_REGISTRY)


def build_tuner(method: str, backbone: Backbone) -> Tuner:
    """Build the tuner of a method with fresh weights.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    """
    names = list_methods()
    if method not in names:
        raise UnknownNameError("method", method, names)
    return _REGISTRY[method](backbone)
