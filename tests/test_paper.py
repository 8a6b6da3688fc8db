"""What docs/paper.md says of the code is there: its symbols, their files, its numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import napari_catsam
from napari_catsam.models.catsam import CatSam
from napari_catsam.sam.backbones import build_sam, get_backbone
from napari_catsam.tuning import list_methods
from napari_catsam.tuning.layers import PROMPT_TOKENS

PAPER = Path(__file__).parent.parent / "docs" / "paper.md"
TEXT = PAPER.read_text(encoding="utf-8")
LINKS = re.findall(r"\[`([\w/]+\.py)`: `([\w.]+)`\]\[([\w.]+)\]", TEXT)
BACKBONES = ("vit_b", "vit_l", "vit_h")
COUNTS = {
    method: [int(number.replace(",", "")) for number in numbers.split(" | ")]
    for method, numbers in re.findall(
        r"^\| `([\w-]+)` \| ([\d,]+(?: \| [\d,]+){2}) \|$", TEXT, re.M
    )
}


@pytest.mark.parametrize(("file", "symbol", "target"), LINKS)
def test_every_link_names_a_symbol_of_the_file(file: str, symbol: str, target: str) -> None:
    module = "napari_catsam." + file.removesuffix(".py").replace("/", ".")
    assert target == f"{module}.{symbol}"
    found: Any = import_module(module)
    for part in symbol.split("."):
        found = getattr(found, part)
    assert found.__module__ == module
    assert (Path(napari_catsam.__file__).parent / file).is_file()


def test_every_method_has_a_line() -> None:
    assert {target.split(".")[2] for *_, target in LINKS if ".tuning." in target} >= {
        method.replace("-", "_") for method in list_methods()
    }


@lru_cache
def count_parameters(method: str, backbone: str) -> int:
    with torch.device("meta"):
        model = CatSam(get_backbone(backbone), build_sam(backbone), method)
    return sum(value.numel() for value in model.trained_tensors().values())


@pytest.mark.parametrize("method", [name for name in list_methods() if name != "sam"])
def test_the_numbers_of_trained_parameters_are_those_of_the_code(method: str) -> None:
    assert COUNTS[method] == [count_parameters(method, backbone) for backbone in BACKBONES]


def test_the_released_numbers_of_trained_parameters_are_met() -> None:
    assert COUNTS["cat-a"] == [1_466_960, 1_848_128, 2_246_480]
    assert COUNTS["cat-t"] == [1_867_520, 3_325_440, 4_784_128]


def test_the_number_of_learnt_tokens_is_the_one_told() -> None:
    assert f"| {PROMPT_TOKENS} tokens a block |" in TEXT
