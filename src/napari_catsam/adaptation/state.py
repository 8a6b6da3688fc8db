"""What a run needs to go on later: values, optimiser, scores; held in memory or in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from napari_catsam.errors import TrainingError, UnreadableFileError
from napari_catsam.images import replace_file

if TYPE_CHECKING:
    import torch

__all__ = ["RunState"]

_KEY = "napari_catsam_run"


@dataclass(eq=False)
class RunState:
    """The state of one adaptation. An empty one is given to a run, which fills it in.

    Attributes
    ----------
    facts : dict
        Numbers and words: steps, seconds, scores, and what the run was for.
    tensors : dict of str to Tensor
        On the CPU, by kind and name.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether a run has left anything here."""
        return bool(self.facts)

    def group(self, kind: str) -> dict[str, torch.Tensor]:
        """Return the tensors of one kind by their names."""
        start = kind + ":"
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}

    def put(self, facts: dict[str, Any], groups: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Replace what is held by copies."""
        self.facts = dict(facts)
        self.tensors = {
            f"{kind}:{name}": value.detach().cpu().clone().contiguous()
            for kind, group in groups.items()
            for name, value in group.items()
        }

    def to_bytes(self) -> bytes:
        """Return the state as a safetensors file; its header holds the facts as JSON."""
        return save(self.tensors, {_KEY: json.dumps(self.facts)})

    @classmethod
    def from_bytes(cls, content: bytes) -> RunState:
        """Read what :meth:`to_bytes` gave; nothing is unpickled.

        Raises
        ------
        TrainingError
            If it is something else, or truncated.
        """
        try:
            tensors = load(content)
            length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + length])["__metadata__"]
            facts = json.loads(header[_KEY])
        except (SafetensorError, KeyError, ValueError) as error:
            raise TrainingError(f"this is no stopped run of napari-catsam: {error}") from error
        return cls(facts, tensors)

    def save(self, path: str | Path) -> Path:
        """Write the state; a file of that name is replaced only by a complete one.

        Raises
        ------
        UnreadableFileError
            If the file cannot be written.
        """
        return replace_file(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> RunState:
        """Read a state that was saved.

        Raises
        ------
        UnreadableFileError
            If there is no such file.
        TrainingError
            If it is something else, or truncated.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise UnreadableFileError(f"the run {path} cannot be read: {error.strerror}") from error
        try:
            return cls.from_bytes(content)
        except TrainingError as error:
            raise TrainingError(f"{path}: {error}") from error
