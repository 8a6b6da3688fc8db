"""Bad input is one sentence on stderr and exit code 2, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import Result

from napari_catsam.models.adapter import Adapter, AdapterHeader
from napari_catsam.sam.weights import load_sam

Run = Callable[..., Result]

PREDICT = "predict {} --box 8 8 32 32 --model tiny -o out.tif"
ADAPT = "adapt --image image.png --mask {} --model tiny --steps 1 -o out.tif"


@pytest.fixture
def bad_files(folder: Path) -> Path:
    nan = np.ones((20, 20), np.float32)
    nan[3, 3] = np.nan
    tifffile.imwrite("nan.tif", nan)
    np.save("empty.npy", np.zeros((0, 20), np.uint8))
    tifffile.imwrite("small.tif", np.ones((10, 10), np.uint8))
    tifffile.imwrite("nothing.tif", np.zeros((80, 100), np.uint8))
    tifffile.imwrite("stack.tif", np.zeros((7, 20, 20), np.uint8))
    Path("text.png").write_text("not an image")
    image = Path("image.png").read_bytes()
    Path("cut.png").write_bytes(image[: len(image) // 2])
    write_weights()
    return folder


def write_weights() -> None:
    torch.save(load_sam("tiny").state_dict(), "sam.pth")
    weights = Path("sam.pth").read_bytes()
    Path("cut.pth").write_bytes(weights[: len(weights) // 2])
    torch.save({"conv1.weight": torch.zeros(3)}, "foreign.pth")
    token = {"head.token": torch.zeros(1, 256)}
    Adapter(AdapterHeader("cat-a", "vit_b"), token).save("vit_b.safetensors")
    adapter = Path("vit_b.safetensors").read_bytes()
    Path("cut.safetensors").write_bytes(adapter[: len(adapter) // 2])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (PREDICT.format("empty.npy"), "empty.npy is empty (shape 0 x 20)"),
        (PREDICT.format("nan.tif"), "holds NaN or infinite values"),
        (PREDICT.format("nowhere.png"), "there is no file nowhere.png"),
        (PREDICT.format("text.png"), "text.png cannot be read as an image"),
        (PREDICT.format("cut.png"), "cut.png cannot be read as an image"),
        (PREDICT.format("images"), "images is not a file"),
        (PREDICT.format("stack.tif"), "holds 7 planes"),
        (PREDICT.format("image.png --box 8 8 32 900"), "lies outside of the image"),
        (PREDICT.format("image.png --box -9 8 32 32"), "lies outside of the image"),
        (PREDICT.format("image.png --point 900 8 +"), "the point (900, 8) lies outside"),
        (PREDICT.format("image.png --box 32 8 8 32"), "is inverted or empty"),
        (PREDICT.format("image.png --box 8 8 8 32"), "is inverted or empty"),
        (PREDICT.format("image.png --box 8 8 32"), "--box 8 8 32 is not a box"),
        (PREDICT.format("image.png --point 8 8"), "--point 8 8 is not a point"),
        ("predict image.png --model tiny -o out.tif", "there is nothing to segment"),
        (PREDICT.format("image.png").replace("tiny", "vit_nan"), "did you mean 'vit_nano'"),
        (PREDICT.format("image.png --device abacus"), "device 'abacus' cannot be used"),
        (PREDICT.format("image.png --checkpoint nowhere.pth"), "nowhere.pth"),
        (PREDICT.format("image.png --checkpoint cut.pth"), "cut.pth"),
        (PREDICT.format("image.png --checkpoint foreign.pth"), "foreign.pth"),
        (PREDICT.format("image.png --checkpoint text.png"), "text.png"),
        (PREDICT.format("image.png --adapter nowhere.safetensors"), "there is no file nowhere"),
        (PREDICT.format("image.png --adapter cut.safetensors"), "cut.safetensors is truncated"),
        (PREDICT.format("image.png --adapter sam.pth"), "sam.pth is truncated or no safetensors"),
        (
            PREDICT.format("image.png --adapter vit_b.safetensors"),
            "this adapter is for vit_b, the loaded model is tiny",
        ),
        (PREDICT.format("image.png").replace("out.tif", "out.png"), "must end in .tif or .tiff"),
        (PREDICT.format("image.png").replace("out.tif", "no/out.tif"), "there is no folder no"),
        (ADAPT.format("labels.tif"), "must end in .safetensors"),
        ("adapter show text.png", "text.png is truncated or no safetensors file"),
        ("adapter show nowhere", "there is no file nowhere"),
        ("adapter from-checkpoint cut.pth -o out.safetensors", "cut.pth"),
        ("adapter from-checkpoint foreign.pth -o out.safetensors", "foreign.pth"),
        ("adapter from-checkpoint sam.pth -o out.safetensors", "sam.pth"),
        ("models download vit_x", "unknown model 'vit_x'"),
    ],
)
def test_bad_input_is_one_sentence(bad_files: Path, run: Run, line: str, message: str) -> None:
    check_sentence(run(line), message)
    assert not list(bad_files.glob("out*"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--mask small.tif", "10 x 10, the image is 80 x 100"),
        ("--mask nothing.tif", "no object"),
        ("--mask image.png labels.tif", "there are 1 images and 2 masks"),
        ("--mask nan.tif", "holds fractions"),
        ("--mask labels.tif --method cat-b", "unknown method 'cat-b'"),
        ("--mask labels.tif --budget -1", "it must be"),
        ("--mask labels.tif --method sam", "sam"),
        ("--mask labels.tif --model vit_x", "unknown model 'vit_x'"),
    ],
)
def test_bad_shots_are_one_sentence(bad_files: Path, run: Run, line: str, message: str) -> None:
    common = "adapt --image image.png --steps 1 -o out.safetensors"
    check_sentence(run(f"{common} --model tiny {line}"), message)
    assert not list(bad_files.glob("out*"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--images nowhere --masks masks", "there is no folder nowhere"),
        ("--images images --masks images/a.png", "there is no folder images/a.png"),
        ("--images images --masks one", "no mask of the same stem for b.png;"),
        ("--images images --masks empty", "none of 2 masks holds an object"),
        ("--images images --masks wrong", "the mask of a is 10 x 10, the image is 80 x 100"),
        ("--images images --masks masks --adapter vit_b.safetensors", "this adapter is for vit_b"),
        ("--images images --masks masks --clicks 2", "corrective clicks need the prompt 'point'"),
        ("--images images --masks masks --smallest 9999", "none of 2 masks holds an object"),
        ("--images images --masks masks --select stems.txt", "no image of the stem x, y, which"),
        ("--images images --masks masks --select nowhere.txt", "nowhere.txt cannot be read as"),
    ],
)
def test_bad_sets_are_one_sentence(bad_files: Path, run: Run, line: str, message: str) -> None:
    for name, stems, size in (("one", "a", 80), ("empty", "ab", 80), ("wrong", "ab", 10)):
        Path(name).mkdir()
        for stem in stems:
            labels = np.zeros((size, 100 if size == 80 else size), np.uint8)
            tifffile.imwrite(Path(name, f"{stem}.tif"), labels)
    Path("stems.txt").write_text("a\nx\ny\n")
    check_sentence(run(f"evaluate --model tiny --json out.json {line}"), message)
    assert not list(bad_files.glob("out*"))


def test_usage_errors_exit_with_2(folder: Path, run: Run) -> None:
    for line in ("predict", "predict image.png", "fly", "evaluate --images x", "--wings"):
        result = run(line)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def check_sentence(result: Result, message: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("napari-catsam: ")
    assert message in lines[0]
    assert "Traceback" not in result.output
