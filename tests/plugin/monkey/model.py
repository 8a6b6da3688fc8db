"""The fake model, made slow and unreliable."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from napari_catsam.errors import PromptError
from tests.plugin.conftest import WAIT, FakeLibrary, FakePredictor


@dataclass
class SlowPredictor(FakePredictor):
    """Answers once its gate is open, and fails on purpose now and then."""

    failing: bool = False

    def predict(self, embedding: Any, prompts: Any) -> Any:
        self._wait()
        return super().predict(embedding, prompts)

    def predict_readings(self, embedding: Any, prompts: Any) -> Any:
        self._wait()
        if self.failing:
            raise PromptError("the model is out of order; draw another")
        return super().predict_readings(embedding, prompts)

    def _wait(self) -> None:
        if self.gate is not None:
            assert self.gate.wait(WAIT / 1000)


def prepare(library: FakeLibrary) -> threading.Event:
    """Let all models of a library, and its training, wait for one gate, which is open."""
    gate = threading.Event()
    gate.set()
    for name in ("vit_nano", "vit_b", "vit_nano adapted", "vit_b adapted"):
        library.predictors[name] = SlowPredictor(name, gate=gate)

    def wait(step: int) -> None:
        assert gate.wait(WAIT / 1000)

    library.step_done = wait
    return gate
