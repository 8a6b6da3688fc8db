"""The training computes in the numbers that are quicker on this processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from pretrain import arithmetic
from pretrain.state import Plan, Run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.5, torch.bfloat16), (2.0, torch.float32)],
    ids=["bfloat16 is quick", "bfloat16 is converted"],
)
def test_the_quicker_numbers_are_chosen(
    monkeypatch: pytest.MonkeyPatch, seconds: float, expected: torch.dtype
) -> None:
    times = {torch.bfloat16: seconds, torch.float32: 1.0}
    monkeypatch.setattr(arithmetic, "shortest_time", times.__getitem__)
    assert arithmetic.quicker_dtype.__wrapped__() == expected


def test_a_pass_takes_time_in_both() -> None:
    for dtype in (torch.bfloat16, torch.float32):
        assert 0 < arithmetic.shortest_time(dtype) < 60


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_run_computes_as_planned_and_keeps_float32_weights(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    run = Run(Plan(tmp_path / "nano.safetensors", tmp_path, dtype=dtype))
    assert {parameter.dtype for parameter in run.fast_parameters()} == {dtype}
    assert {parameter.dtype for parameter in run.parameters()} == {torch.float32}
