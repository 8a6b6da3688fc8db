"""Reading image and mask files, and writing label images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_catsam.errors import UnreadableFileError
from napari_catsam.images import read_image, read_labels, write_labels

GRAY = np.arange(60, dtype=np.uint8).reshape(6, 10)
COLOUR = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.TIFF", "x.npy", "x.bmp"])
@pytest.mark.parametrize("pixels", [GRAY, COLOUR], ids=["gray", "colour"])
def test_values_come_back_as_they_were(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    path = save(tmp_path / name, pixels)
    assert np.array_equal(read_image(path), pixels)
    assert np.array_equal(read_image(str(path)), pixels)


def save(path: Path, pixels: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix.lower() in (".tif", ".tiff"):
        tifffile.imwrite(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int16])
def test_a_tiff_keeps_its_type(tmp_path: Path, dtype: type) -> None:
    image = read_image(save(tmp_path / "x.tif", GRAY.astype(dtype)))
    assert image.dtype == dtype


def test_a_16_bit_png_keeps_its_values(tmp_path: Path) -> None:
    pixels = GRAY.astype(np.uint16) * 1000
    assert np.array_equal(read_image(save(tmp_path / "x.png", pixels)), pixels)


def test_a_jpeg_is_read(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "x.jpg", COLOUR)).shape == (6, 10, 3)


def test_a_tiff_that_tifffile_alone_cannot_unpack_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray(GRAY).save(path, compression="tiff_lzw")
    assert np.array_equal(read_image(path), GRAY)


def test_a_tiff_with_separate_colour_planes_is_one_colour_image(tmp_path: Path) -> None:
    planes = np.moveaxis(COLOUR, -1, 0)
    tifffile.imwrite(tmp_path / "x.tif", planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(tmp_path / "x.tif"), COLOUR)


def test_a_palette_gives_colours_to_an_image_and_indices_to_a_mask(tmp_path: Path) -> None:
    picture = Image.fromarray((GRAY > 30).astype(np.uint8) * 2)
    picture.putpalette([0, 0, 0, 9, 9, 9, 200, 10, 10])
    picture.save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").shape == (6, 10, 3)
    assert np.unique(read_labels(tmp_path / "x.png")).tolist() == [0, 2]


def test_a_black_and_white_mask_is_read(tmp_path: Path) -> None:
    Image.fromarray(GRAY > 30).save(tmp_path / "x.png")
    assert np.array_equal(read_labels(tmp_path / "x.png") > 0, GRAY > 30)


def test_a_gray_mask_saved_as_rgb_or_with_whole_floats_is_read(tmp_path: Path) -> None:
    three = save(tmp_path / "three.png", np.stack([GRAY] * 3, axis=-1))
    floats = save(tmp_path / "floats.tif", GRAY.astype(np.float32))
    for path in (three, floats):
        assert np.array_equal(read_labels(path), GRAY)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (COLOUR, "is a colour image"),
        (GRAY / 7, "holds fractions"),
        (np.full((3, 4), np.nan), "holds fractions"),
        (GRAY.astype(np.int16) - 5, "smallest -5"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, pixels: np.ndarray, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message):
        read_labels(save(tmp_path / "x.tif", pixels))


@pytest.mark.parametrize("name", ["x.tif", "x.npy"])
def test_a_stack_needs_the_choice_of_a_plane(tmp_path: Path, name: str) -> None:
    stack = np.stack([GRAY, GRAY + 1, GRAY + 2, GRAY + 3, GRAY + 4])
    path = save(tmp_path / name, stack)
    with pytest.raises(UnreadableFileError, match=r"holds 5 planes .* --plane 0 to 4"):
        read_image(path)
    with pytest.raises(UnreadableFileError, match="there is no plane 5"):
        read_image(path, 5)
    assert np.array_equal(read_image(path, 3), stack[3])


def test_an_animation_is_a_stack(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(GRAY * 4, shift)) for shift in range(3)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableFileError, match="holds 3 planes"):
        read_image(tmp_path / "x.gif")


def test_a_plane_may_be_named_for_a_file_that_has_only_one(tmp_path: Path) -> None:
    assert np.array_equal(read_image(save(tmp_path / "x.tif", GRAY), 3), GRAY)


def test_missing_files_and_folders_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"^there is no file .*x\.png; check the path$"):
        read_image(tmp_path / "x.png")
    with pytest.raises(UnreadableFileError, match="is not a file"):
        read_image(tmp_path)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.npy", "x.jpg", "x.txt"])
@pytest.mark.parametrize("content", [b"", b"not an image at all", b"\x89PNG\r\n\x1a\n", b"II*\0"])
def test_foreign_files_are_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="cannot be read as an image") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.npy", "x.jpg"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_truncated_files_are_one_sentence(
    tmp_path: Path, name: str, kept: float, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = save(tmp_path / name, noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UnreadableFileError, match="cannot be read as an image"):
        read_image(path)
    assert not caplog.records


def test_an_empty_array_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"is empty \(shape 0 x 5\)"):
        read_image(save(tmp_path / "x.npy", np.zeros((0, 5))))


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}, {}], dtype=object))
    with pytest.raises(UnreadableFileError, match="cannot be read as an image"):
        read_image(tmp_path / "x.npy")


def test_labels_are_written_as_small_as_they_fit(tmp_path: Path) -> None:
    for highest, dtype in ((65535, np.uint16), (65536, np.uint32)):
        path = write_labels(tmp_path / "x.tif", np.array([[0, highest]]))
        labels = tifffile.imread(path)
        assert labels.dtype == dtype
        assert labels.tolist() == [[0, highest]]


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.tif").mkdir()
    with pytest.raises(UnreadableFileError, match=r"cannot write .*x\.tif"):
        write_labels(tmp_path / "x.tif", np.zeros((2, 2), int))
    assert [path.name for path in tmp_path.iterdir()] == ["x.tif"]
