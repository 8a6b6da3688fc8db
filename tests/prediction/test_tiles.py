"""Zooming in: as the plain predictor where an image is small, in windows where it is large."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from napari_catsam import TiledPredictor
from napari_catsam.errors import ImageError, PromptError
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.decoded import Decoded, Detail
from napari_catsam.models.loading import load_model
from napari_catsam.prediction import window_cache
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.tiles import TiledEmbedding
from napari_catsam.types import Intensity, Masks, Prompts

SIZE = (200, 300)
"""Of the image; the input has 64 pixels, so windows have 300, 150, 75 and 38."""

BOXES = np.array(
    [
        [20, 30, 28, 38],
        [150, 250, 200, 300],
        [0, 0, 200, 300],
        [22, 32, 29, 39],
        [90, 90, 106, 106.0],
    ]
)
LEVELS = [3, 0, 0, 3, 2]
CLICK = np.array([[[100.0, 140]]])


@pytest.fixture(scope="module")
def model() -> CatSam:
    return load_model("tiny")


@pytest.fixture
def predictor(model: CatSam) -> TiledPredictor:
    return TiledPredictor(model)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def embedding(predictor: TiledPredictor, image: np.ndarray) -> TiledEmbedding:
    return predictor.embed(image)


def assert_equal(found: Masks, expected: Masks) -> None:
    assert np.array_equal(found.masks, expected.masks)
    assert np.array_equal(found.scores, expected.scores)
    assert np.array_equal(found.logits, expected.logits)


def paint_prompts(monkeypatch: pytest.MonkeyPatch, model: CatSam, radius: float = 5) -> None:
    """Let a model find exactly the box, or a disc (radius in input pixels) around the first click."""

    def decode(features: torch.Tensor, detail: Detail, prompts: PromptTensors) -> Decoded:
        x, y = torch.meshgrid(*2 * [4 * torch.arange(16) + 2.0], indexing="xy")
        if prompts.boxes is not None:
            x0, y0, x1, y1 = prompts.boxes.T[..., None, None]
            logits = torch.stack([x - x0, x1 - x, y - y0, y1 - y]).amin(dim=0)
        else:
            assert prompts.points is not None
            px, py = prompts.points[:, 0].T[..., None, None]
            logits = radius - torch.hypot(x - px, y - py)
        return Decoded(logits[:, None].float(), torch.ones(len(logits), 1))

    monkeypatch.setattr(model, "decode", decode)


# ---------------------------------------------------------------------------------- small image


@pytest.mark.parametrize("method", ["sam", "cat-a"])
@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(boxes=[[4, 6, 30, 40], [10, 8, 30, 24]]),
        Prompts(points=[[[12, 20]], [[20, 16]]]),
        Prompts(points=[[[12, 20], [30, 40]]], labels=[[1, 0]], masks=np.ones((1, 48, 60), bool)),
        Prompts(boxes=[[4, 6, 30, 40]], masks=np.ones((1, 16, 16), np.float32)),
    ],
    ids=["boxes", "clicks", "mask", "logits"],
)
def test_an_image_of_one_level_gives_the_same_as_the_plain_predictor(
    model: CatSam, image: np.ndarray, method: str, prompts: Prompts
) -> None:
    model, small = model.with_method(method, seed=1), image[:48, :60]
    plain, tiled = Predictor(model), TiledPredictor(model)
    expected = plain.predict(plain.embed(small), prompts)
    assert_equal(tiled.predict(tiled.embed(small), prompts), expected)


def test_a_large_object_gives_the_same_as_the_plain_predictor(
    model: CatSam, image: np.ndarray, predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    prompts, plain = Prompts(boxes=BOXES[1:3], points=[CLICK[0] + 60] * 2), Predictor(model)
    expected = plain.predict(plain.embed(image), prompts)
    assert_equal(predictor.predict(embedding, prompts), expected)


# -------------------------------------------------------------------------------------- windows


def test_small_boxes_are_decided_in_windows(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    windows = predictor.choose_windows(embedding, Prompts(boxes=BOXES))
    assert [window.level for window in windows] == LEVELS
    assert windows[0] == windows[3]
    predictor.predict(embedding, Prompts(boxes=BOXES))
    assert set(embedding.windows) == set(windows)


def test_a_window_gives_what_the_plain_predictor_gives_of_this_part_of_the_image(
    model: CatSam, image: np.ndarray, predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    prompts, plain = Prompts(boxes=BOXES[:1], points=[[[24, 34]]]), Predictor(model)
    window = predictor.choose_windows(embedding, prompts)[0]
    corner = np.array(window.corner)
    local = Prompts(boxes=BOXES[:1] - np.tile(corner, 2), points=np.array([[[24, 34]]]) - corner)
    expected = plain.predict(plain.embed(image[window.slices]), local)
    found = predictor.predict(embedding, prompts)
    assert np.array_equal(found.logits, expected.logits)
    assert np.array_equal(found.masks[0][window.slices], expected.masks[0])
    assert found.masks.sum() == expected.masks.sum()


def test_a_mask_never_leaves_its_window(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    found = predictor.predict(embedding, Prompts(boxes=BOXES))
    for mask, window in zip(
        found.masks, predictor.choose_windows(embedding, Prompts(boxes=BOXES)), strict=True
    ):
        outside = mask.copy()
        outside[window.slices] = False
        assert not outside.any()


def test_masks_lie_where_the_boxes_are_and_are_finer_than_the_whole_image_allows(
    model: CatSam, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_prompts(monkeypatch, model)
    tiled, plain = TiledPredictor(model), Predictor(model)
    rng = np.random.default_rng(2)
    corners = rng.integers(0, np.subtract(SIZE, 9), (30, 2))
    boxes = np.concatenate([corners, corners + 9], axis=1).astype(float)
    for masks, good in (
        (tiled.predict(tiled.embed(image), Prompts(boxes=boxes)).masks, True),
        (plain.predict(plain.embed(image), Prompts(boxes=boxes)).masks, False),
    ):
        for mask, (r0, c0, r1, c1) in zip(masks, boxes.astype(int), strict=True):
            true = np.zeros(SIZE, bool)
            true[r0:r1, c0:c1] = True
            assert ((mask & true).sum() / (mask | true).sum() > 0.5) == good


def test_the_order_of_objects_is_kept(predictor: TiledPredictor, embedding: TiledEmbedding) -> None:
    together = predictor.predict(embedding, Prompts(boxes=BOXES))
    for row in range(len(BOXES)):
        alone = predictor.predict(embedding, Prompts(boxes=BOXES[[row]]))
        np.testing.assert_allclose(alone.logits[0], together.logits[row], atol=1e-4)
        np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-4)
        assert (alone.masks[0] != together.masks[row]).mean() < 1e-3


def test_objects_of_one_window_are_decoded_together(
    model: CatSam,
    predictor: TiledPredictor,
    embedding: TiledEmbedding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []
    decode = model.decode

    def count(features: torch.Tensor, detail: Detail, prompts: PromptTensors) -> Decoded:
        assert prompts.boxes is not None
        counts.append(len(prompts.boxes))
        return decode(features, detail, prompts)

    monkeypatch.setattr(model, "decode", count)
    predictor.predict(embedding, Prompts(boxes=BOXES))
    assert counts == [2, 2, 1]


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("shape", [(300, 200), (200, 300, 1), (20, 400, 4), (400, 3), (1, 1)])
def test_images_of_every_shape_are_segmented(
    model: CatSam, shape: tuple[int, ...], resize: str
) -> None:
    model = model.with_method("sam")
    model.resize = resize
    predictor = TiledPredictor(model)
    values = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    embedding = predictor.embed(values)
    last = np.subtract(shape[:2], 1)
    masks = predictor.predict(
        embedding,
        Prompts(boxes=[[0, 0, 1, 1], [*last, *last + 1]], points=[[[0, 0]], [last.tolist()]]),
    )
    assert masks.masks.shape == (2, *shape[:2])
    assert np.isfinite(masks.logits).all()


# --------------------------------------------------------------------------------------- clicks


def test_an_object_that_runs_out_of_its_window_is_decided_in_a_larger_one(
    model: CatSam, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, prompts = TiledPredictor(model), Prompts(points=CLICK)
    embedding = predictor.embed(image)
    first = predictor.choose_windows(embedding, prompts)[0]
    assert first.level == 3
    paint_prompts(monkeypatch, model, radius=8)
    predictor.predict(embedding, prompts)
    assert embedding.windows == (first,)
    paint_prompts(monkeypatch, model, radius=60)
    found = predictor.predict(embedding, prompts)
    assert [window.level for window in embedding.windows] == [3, 2, 1, 0]
    assert found.masks[0, 0].any()


def test_a_box_keeps_its_window_whatever_the_mask_does(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    predictor.predict(embedding, Prompts(boxes=BOXES[:1], points=[[[24, 34]]]))
    assert [window.level for window in embedding.windows] == [3]


def test_a_click_beyond_the_window_takes_a_coarser_one(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    near = Prompts(points=[[*CLICK[0], [110, 150]]], labels=[[1, 0]])
    far = Prompts(points=[[*CLICK[0], [199, 299]]], labels=[[1, 0]])
    boxed = Prompts(boxes=BOXES[:1], points=[[[199, 299]]], labels=[[0]])
    levels = [predictor.choose_windows(embedding, p)[0].level for p in (near, far, boxed)]
    assert levels == [3, 0, 0]
    assert np.isfinite(predictor.predict(embedding, far).logits).all()
    assert np.isfinite(predictor.predict(embedding, boxed).logits).all()


# --------------------------------------------------------------------------------------- rounds


@pytest.mark.parametrize(
    "first",
    [
        Prompts(points=CLICK),
        Prompts(boxes=BOXES[:1]),
        Prompts(points=np.append(CLICK, [[[100, 146]]], axis=1)),
    ],
)
def test_a_second_round_goes_on_in_the_window_of_the_first(
    predictor: TiledPredictor, embedding: TiledEmbedding, first: Prompts
) -> None:
    logits = predictor.predict(embedding, first).logits
    window = embedding.windows[-1]
    near = np.clip(np.asarray(window.centre) + 3, 0, SIZE)
    points = near[None, None] if first.points is None else np.append(first.points, [[near]], axis=1)
    again = Prompts(first.boxes, points, masks=logits)
    assert predictor.choose_windows(embedding, again) == [window]


def test_the_mask_of_the_first_round_reaches_the_decoder_unchanged(
    model: CatSam, image: np.ndarray, predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    boxes = BOXES[:1]
    window = predictor.choose_windows(embedding, Prompts(boxes=boxes))[0]
    logits = predictor.predict(embedding, Prompts(boxes=boxes)).logits
    found = predictor.predict(embedding, Prompts(boxes=boxes, masks=logits))
    plain = Predictor(model)
    local = Prompts(boxes=boxes - np.tile(window.corner, 2), masks=logits)
    expected = plain.predict(plain.embed(image[window.slices]), local)
    assert np.array_equal(found.logits, expected.logits)


def test_logits_move_along_when_a_click_lies_beyond_their_window(
    model: CatSam, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = TiledPredictor(model)
    embedding = predictor.embed(image)
    paint_prompts(monkeypatch, model, radius=16)
    logits = predictor.predict(embedding, Prompts(points=CLICK)).logits
    assert embedding.windows[-1].level == 3
    seen: list[torch.Tensor] = []
    decode = model.decode

    def look(features: torch.Tensor, detail: Detail, prompts: PromptTensors) -> Decoded:
        assert prompts.masks is not None
        seen.append(prompts.masks)
        return decode(features, detail, prompts)

    monkeypatch.setattr(model, "decode", look)
    points = np.append(CLICK, [[[130, 170]]], axis=1)
    found = predictor.predict(embedding, Prompts(points=points, labels=[[1, 0]], masks=logits))
    window = embedding.windows[-1]
    assert window.level == 2
    positions = np.argwhere(seen[0][0, 0].numpy() > 0)
    middle = (positions.mean(axis=0) + 0.5) * 75 / 16 + window.corner
    np.testing.assert_allclose(middle, CLICK[0, 0], atol=75 / 16)
    points = np.append(points, [[[199, 299]]], axis=1)
    third = Prompts(points=points, labels=[[1, 0, 0]], masks=found.logits)
    assert predictor.choose_windows(embedding, third)[0].level == 0
    predictor.predict(embedding, third)


def test_masks_of_the_size_of_the_image_go_into_every_window(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    first = predictor.predict(embedding, Prompts(boxes=BOXES))
    again = Prompts(boxes=BOXES, masks=first.masks)
    assert predictor.choose_windows(embedding, again) == predictor.choose_windows(
        embedding, Prompts(boxes=BOXES)
    )
    found = predictor.predict(embedding, again)
    assert np.abs(found.logits - first.logits).max(axis=(1, 2)).min() > 1e-3


def test_a_mask_alone_is_decided_in_a_window(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    mask = np.zeros((1, *SIZE), bool)
    mask[0, 20:28, 30:38] = True
    assert predictor.choose_windows(embedding, Prompts(masks=mask))[0].level == 3
    predictor.predict(embedding, Prompts(masks=mask))


# ------------------------------------------------------------------------------------ embedding


def test_contrast_is_that_of_the_whole_image_in_every_window(model: CatSam) -> None:
    values = np.tile(np.linspace(1000, 5000, SIZE[1]), (SIZE[0], 1)).astype(np.uint16)
    predictor = TiledPredictor(model)
    embedding = predictor.embed(values)
    expected = Intensity().apply(values)
    assert np.abs(embedding.rgb - expected).max() <= 0.5
    boxes = np.array([[20, 30, 28, 38], [20, 230, 28, 238.0]])
    predictor.predict(embedding, Prompts(boxes=boxes))
    dark, bright = (
        embedding.cache.fetch(window, lambda: pytest.fail("not embedded"))
        for window in predictor.choose_windows(embedding, Prompts(boxes=boxes))
    )
    assert not torch.allclose(dark.features, bright.features)
    assert embedding.rgb[:, :60].max() < 60 < 190 < embedding.rgb[:, 240:].min()


def test_the_models_intensity_is_used_unless_another_is_given(model: CatSam) -> None:
    own = model.with_method("sam")
    own.intensity = Intensity("limits", 1000, 2000)
    values = np.linspace(500, 2500, 48 * 60).reshape(48, 60)
    expected = TiledPredictor(model).embed(values, Intensity("limits", 1000, 2000)).rgb
    assert np.array_equal(TiledPredictor(own).embed(values).rgb, expected)
    other = TiledPredictor(own).embed(values, Intensity("percentiles", 0, 100)).rgb
    assert not np.array_equal(other, expected)


def test_the_image_is_copied_and_cannot_be_changed(
    predictor: TiledPredictor, image: np.ndarray
) -> None:
    mine = image.copy()
    embedding = predictor.embed(mine)
    mine[:] = 0
    assert np.array_equal(embedding.rgb, image)
    with pytest.raises(ValueError, match="read-only"):
        embedding.rgb[0] = 0


def test_nothing_is_embedded_before_it_is_needed_and_each_window_once(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    assert embedding.cache_info() == (0, 0, 0, 0)
    predictor.choose_windows(embedding, Prompts(boxes=BOXES))
    assert embedding.windows == ()
    predictor.predict(embedding, Prompts(boxes=BOXES))
    assert embedding.cache_info()[:3] == (0, 3, 3)
    predictor.predict(embedding, Prompts(boxes=BOXES[::-1].copy()))
    assert embedding.cache_info()[:3] == (3, 3, 3)


def test_embedded_windows_stay_within_the_bound(
    predictor: TiledPredictor, embedding: TiledEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor.predict(embedding, Prompts(boxes=BOXES[:1]))
    one = embedding.cache_info().nbytes
    monkeypatch.setattr(window_cache, "CACHE_BYTES", 2 * one)
    expected = predictor.predict(embedding, Prompts(boxes=BOXES))
    info = embedding.cache_info()
    assert (info.windows, info.nbytes) == (2, 2 * one)
    assert_equal(predictor.predict(embedding, Prompts(boxes=BOXES)), expected)


def test_threads_share_an_embedding(predictor: TiledPredictor, embedding: TiledEmbedding) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(
            pool.map(lambda _: predictor.predict(embedding, Prompts(boxes=BOXES)), range(6))
        )
    assert embedding.cache_info().misses == 3
    for other in found[1:]:
        np.testing.assert_allclose(other.logits, found[0].logits, atol=1e-4)


# ---------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (Prompts(boxes=[[2, 2, 201, 9]]), r"box corner \(201, 9\) lies outside .* 200 rows x 300"),
        (Prompts(points=[[[2, 2]], [[-1, 2]]]), r"point \(-1, 2\) lies outside of the image"),
        (Prompts(masks=np.ones((1, 48, 61), bool)), "mask prompts are 48 x 61, the image is 200"),
        (Prompts(masks=np.ones((1, 16, 16), bool)), "mask prompts are 16 x 16, the image is 200"),
        (Prompts(masks=np.ones((1, 16, 16))), "16 x 16 are logits that this embedding did not"),
    ],
)
def test_a_prompt_that_does_not_fit_the_image_is_refused(
    predictor: TiledPredictor, embedding: TiledEmbedding, prompts: Prompts, expected: str
) -> None:
    with pytest.raises(PromptError, match=expected):
        predictor.predict(embedding, prompts)


def test_an_embedding_of_another_model_is_refused(model: CatSam, embedding: TiledEmbedding) -> None:
    other = TiledPredictor(model.with_method("cat-a"))
    with pytest.raises(PromptError, match=r"made by tiny-\w+/sam-\w+, this predictor has tiny-"):
        other.predict(embedding, Prompts(boxes=BOXES))


def test_a_wrong_image_is_refused(predictor: TiledPredictor) -> None:
    with pytest.raises(ImageError, match="the image is empty"):
        predictor.embed(np.zeros((0, 5)))


def test_padding_points_may_lie_anywhere(
    predictor: TiledPredictor, embedding: TiledEmbedding
) -> None:
    padded = Prompts(points=[[CLICK[0, 0].tolist(), [-9, 999]]], labels=[[1, -1]])
    assert predictor.choose_windows(embedding, padded) == predictor.choose_windows(
        embedding, Prompts(points=CLICK)
    )
    predictor.predict(embedding, padded)
