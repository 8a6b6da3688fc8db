"""What can be asked of an evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from napari_catsam.errors import PromptError, ShotError, UnknownNameError
from napari_catsam.evaluation.config import EvaluationConfig


def test_the_default_is_one_box_for_every_object() -> None:
    assert EvaluationConfig() == EvaluationConfig("box", 1, 1, None)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"prompt": "points"}, UnknownNameError, "did you mean 'point'"),
        ({"clicks": 0, "prompt": "point"}, PromptError, "clicks is 0, it must be 1 or more"),
        ({"clicks": 3}, PromptError, "3 clicks .* the prompt 'box'; .* need the prompt 'point'"),
        ({"smallest": 0}, ShotError, "smallest is 0, it must be 1 pixel or more"),
        ({"limit_objects": 0}, ShotError, "limit_objects is 0, it must be 1 or more"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        EvaluationConfig(**settings)
