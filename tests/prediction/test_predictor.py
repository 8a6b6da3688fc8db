"""The predictor: embed once, prompt many times; the same object gives the same mask in any company."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from napari_catsam.errors import ImageError, OutOfMemoryError, PromptError
from napari_catsam.geometry import Frame
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.decoded import Decoded, Detail
from napari_catsam.models.loading import load_model
from napari_catsam.prediction import predictor as module
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.readings import choose_masks
from napari_catsam.types import Embedding, Intensity, Masks, Prompts

SIZE = (48, 60)
METHODS = ["sam", "cat-a", "cat-t"]
BOXES = np.array([[4, 6, 30, 40], [10, 8, 30, 24], [0, 0, 48, 60], [20, 30, 44, 58.0]])
POINTS = np.array([[[12, 20]], [[20, 16]], [[24, 30]], [[32, 44.0]]])


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


@pytest.fixture(scope="module", params=METHODS)
def model(request: pytest.FixtureRequest, base: CatSam) -> CatSam:
    return base.with_method(request.param, seed=1)


@pytest.fixture
def predictor(model: CatSam) -> Predictor:
    return Predictor(model)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def embedding(predictor: Predictor, image: np.ndarray) -> Embedding:
    return predictor.embed(image)


def assert_same(found: Masks, expected: Masks) -> None:
    """Compare logits and scores within rounding; masks may differ where a logit is 0."""
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert (found.masks != expected.masks).mean() < 1e-3


def differ(a: Masks, b: Masks) -> bool:
    return float(np.abs(a.logits - b.logits).max()) > 1e-3


def every_kind_of_prompt() -> Prompts:
    """Return 8 objects with 1, 2 and 3 points in turn, some of them negative or between paddings."""
    points = np.random.default_rng(1).uniform(1, 46, (8, 4, 2))
    labels = np.array([[1, -1, -1, -1], [1, 0, -1, -1], [-1, 1, -1, 0], [1, 1, 1, -1]] * 2)
    return Prompts(points=points, labels=labels)


# -------------------------------------------------------------------------------------- output


def test_masks_have_the_size_of_the_image(predictor: Predictor, embedding: Embedding) -> None:
    masks = predictor.predict(embedding, Prompts(boxes=BOXES))
    assert masks.masks.shape == (4, *SIZE)
    assert masks.masks.dtype == np.bool_
    assert masks.scores.shape == (4,)
    assert masks.logits.shape == (4, 16, 16)
    assert masks.logits.dtype == masks.scores.dtype == np.float32


def test_masks_are_the_logits_above_zero_at_the_size_of_the_image(
    predictor: Predictor, embedding: Embedding
) -> None:
    masks = predictor.predict(embedding, Prompts(boxes=BOXES))
    logits = embedding.frame.logits_to_image(torch.from_numpy(masks.logits))
    assert np.array_equal(masks.masks, logits.numpy() > 0)


def test_the_same_prompt_gives_the_same_mask_again(
    predictor: Predictor, embedding: Embedding, image: np.ndarray
) -> None:
    once = predictor.predict(embedding, Prompts(boxes=BOXES))
    predictor.predict(predictor.embed(image[::-1]), Prompts(boxes=BOXES[:1]))
    again = predictor.predict(embedding, Prompts(boxes=BOXES))
    assert np.array_equal(once.logits, again.logits)


# ------------------------------------------------------------------------------------- company


def test_an_object_alone_equals_the_same_object_among_many(
    predictor: Predictor, embedding: Embedding
) -> None:
    prompts = every_kind_of_prompt()
    together = predictor.predict(embedding, prompts)
    for row in range(len(prompts)):
        alone = predictor.predict(embedding, prompts.select([row]))
        assert_same(
            alone, Masks(together.masks[[row]], together.scores[[row]], together.logits[[row]])
        )


def test_padding_points_change_nothing(predictor: Predictor, embedding: Embedding) -> None:
    plain = Prompts(points=POINTS)
    padded = Prompts(
        points=np.concatenate([np.full((4, 2, 2), -99), POINTS], axis=1),
        labels=[[-1, -1, 1]] * 4,
    )
    expected = predictor.predict(embedding, plain)
    assert_same(predictor.predict(embedding, padded), expected)


def test_padding_points_beside_boxes_change_nothing(
    predictor: Predictor, embedding: Embedding
) -> None:
    padded = Prompts(boxes=BOXES, points=POINTS, labels=[[-1]] * 4)
    expected = predictor.predict(embedding, Prompts(boxes=BOXES))
    assert_same(predictor.predict(embedding, padded), expected)


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_chunks_give_the_same_as_one_call(
    predictor: Predictor, embedding: Embedding, chunk: int
) -> None:
    expected = predictor.predict(embedding, every_kind_of_prompt())
    predictor.chunk = chunk
    assert_same(predictor.predict(embedding, every_kind_of_prompt()), expected)


def test_large_images_are_done_in_smaller_chunks(
    base: CatSam, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = Predictor(base)
    embedding = predictor.embed(image)
    expected = predictor.predict(embedding, Prompts(boxes=BOXES))
    limit_decode(monkeypatch, base, most=2)
    pixels = SIZE[0] * SIZE[1] + 64 * 64
    monkeypatch.setattr(module, "CHUNK_BYTES", 2 * 4 * pixels)
    before = predictor.chunk
    assert_same(predictor.predict(embedding, Prompts(boxes=BOXES)), expected)
    assert predictor.chunk == before  # no retry was needed


# ------------------------------------------------------------------------------------- prompts


def test_a_negative_point_changes_the_mask(predictor: Predictor, embedding: Embedding) -> None:
    one = predictor.predict(embedding, Prompts(points=[[[12, 20]]]))
    negative = Prompts(points=[[[12, 20], [30, 40]]], labels=[[1, 0]])
    positive = Prompts(points=[[[12, 20], [30, 40]]], labels=[[1, 1]])
    found = predictor.predict(embedding, negative)
    assert differ(found, one)
    assert differ(found, predictor.predict(embedding, positive))


def test_a_point_inside_a_box_changes_the_mask(predictor: Predictor, embedding: Embedding) -> None:
    box = predictor.predict(embedding, Prompts(boxes=BOXES))
    both = predictor.predict(embedding, Prompts(boxes=BOXES, points=POINTS))
    point = predictor.predict(embedding, Prompts(points=POINTS))
    assert differ(both, box)
    assert differ(both, point)


@pytest.mark.parametrize("with_box", [True, False])
@pytest.mark.parametrize("with_points", [True, False])
def test_a_mask_prompt_goes_with_every_other_prompt(
    predictor: Predictor, embedding: Embedding, with_box: bool, with_points: bool
) -> None:
    other = {
        "boxes": BOXES if with_box else None,
        "points": POINTS if with_points else None,
    }
    mask = np.zeros((4, *SIZE), bool)
    mask[:, 10:30, 10:40] = True
    found = predictor.predict(embedding, Prompts(**other, masks=mask))
    inverse = predictor.predict(embedding, Prompts(**other, masks=~mask))
    assert found.masks.shape == (4, *SIZE)
    assert differ(found, inverse)


def test_logits_that_came_back_refine_a_mask(predictor: Predictor, embedding: Embedding) -> None:
    first = predictor.predict(embedding, Prompts(points=POINTS))
    second = predictor.predict(embedding, Prompts(points=POINTS, masks=first.logits))
    assert differ(second, first)


def test_every_object_takes_its_own_mask_prompt(predictor: Predictor, embedding: Embedding) -> None:
    logits = predictor.predict(embedding, Prompts(boxes=BOXES)).logits
    together = predictor.predict(embedding, Prompts(masks=logits))
    for row in range(4):
        alone = predictor.predict(embedding, Prompts(masks=logits[[row]]))
        np.testing.assert_allclose(alone.logits[0], together.logits[row], atol=1e-4)


def test_rows_and_columns_are_not_exchanged(base: CatSam) -> None:
    predictor = Predictor(base)
    image = np.zeros((64, 64), np.uint8)
    embedding = predictor.embed(image)
    prompts = predictor.prompts_to_input(
        Prompts(boxes=[[1, 2, 30, 40]], points=[[[5, 9]]]), embedding.frame
    )
    assert prompts.boxes is not None
    assert prompts.points is not None
    assert prompts.boxes.tolist() == [[2, 1, 40, 30]]
    assert prompts.points.tolist() == [[[9, 5]]]


# ---------------------------------------------------------------------------------- lone click


def decode_directly(model: CatSam, embedding: Embedding, prompts: Prompts) -> Decoded:
    tensors = Predictor(model).prompts_to_input(prompts, embedding.frame)
    with torch.no_grad():
        return model.decode(embedding.features, embedding.detail, tensors)


def test_a_lone_click_takes_the_best_of_three_readings(base: CatSam, image: np.ndarray) -> None:
    predictor = Predictor(base)
    embedding, points = predictor.embed(image), np.random.default_rng(3).uniform(0, 47, (20, 1, 2))
    found = predictor.predict(embedding, Prompts(points=points))
    logits, scores = decode_directly(base, embedding, Prompts(points=points))
    best = scores[:, 1:].argmax(dim=1) + 1
    rows = torch.arange(20)
    np.testing.assert_allclose(found.logits, logits[rows, best], atol=1e-5)
    np.testing.assert_allclose(found.scores, scores[rows, best], atol=1e-5)
    assert (found.scores >= scores[:, 1:].max(dim=1).values.numpy() - 1e-5).all()


def test_readings_of_a_lone_click_begin_with_the_one_that_predict_takes(
    base: CatSam, image: np.ndarray
) -> None:
    predictor = Predictor(base)
    embedding, click = predictor.embed(image), Prompts(points=POINTS[:1])
    readings = predictor.predict_readings(embedding, click)
    assert len(readings) == 3
    assert (np.diff(readings.scores) <= 0).all()
    np.testing.assert_array_equal(readings.masks[:1], predictor.predict(embedding, click).masks)


def test_readings_that_are_drawn_one_by_one_are_the_same(base: CatSam, image: np.ndarray) -> None:
    predictor = Predictor(base)
    embedding, click = predictor.embed(image), Prompts(points=POINTS[:1])
    expected = predictor.predict_readings(embedding, click)
    readings = predictor.decode_readings(embedding, click)
    assert len(readings) == 3
    drawn = np.stack([readings.draw(number) for number in range(3)])
    np.testing.assert_array_equal(drawn, expected.masks)
    np.testing.assert_array_equal(readings.scores, expected.scores)
    np.testing.assert_array_equal(readings.logits, expected.logits)


@pytest.mark.parametrize(
    "prompts",
    [Prompts(boxes=BOXES[:1]), Prompts(points=[[[12, 20], [20, 30]]])],
    ids=["box", "two clicks"],
)
def test_other_prompts_have_one_reading(base: CatSam, image: np.ndarray, prompts: Prompts) -> None:
    predictor = Predictor(base)
    embedding = predictor.embed(image)
    readings = predictor.predict_readings(embedding, prompts)
    np.testing.assert_array_equal(readings.masks, predictor.predict(embedding, prompts).masks)


def test_an_adapted_model_has_one_reading_of_a_click(base: CatSam, image: np.ndarray) -> None:
    predictor = Predictor(base.with_method("cat-a", seed=1))
    readings = predictor.predict_readings(predictor.embed(image), Prompts(points=POINTS[:1]))
    assert len(readings) == 1


def test_readings_of_several_objects_are_refused(base: CatSam, image: np.ndarray) -> None:
    predictor = Predictor(base)
    with pytest.raises(PromptError, match="there are 4 objects"):
        predictor.predict_readings(predictor.embed(image), Prompts(points=POINTS))


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(boxes=BOXES[:1]),
        Prompts(points=[[[12, 20], [20, 30]]]),
        Prompts(boxes=BOXES[:1], points=POINTS[:1]),
        Prompts(points=POINTS[:1], masks=np.ones((1, *SIZE), bool)),
    ],
    ids=["box", "two clicks", "box and click", "mask and click"],
)
def test_other_prompts_take_the_single_mask(
    base: CatSam, image: np.ndarray, prompts: Prompts
) -> None:
    predictor = Predictor(base)
    embedding = predictor.embed(image)
    found = predictor.predict(embedding, prompts)
    logits, scores = decode_directly(base, embedding, prompts)
    np.testing.assert_allclose(found.logits, logits[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.scores, scores[:, 0], atol=1e-5)


def test_the_single_mask_is_no_reading_of_a_lone_click_however_good_it_seems() -> None:
    logits = torch.arange(2 * 4.0)[:, None, None].reshape(2, 4, 1, 1)
    scores = torch.tensor([[0.9, 0.1, 0.3, 0.2], [0.9, 0.2, 0.1, 0.4]])
    chosen, expected = choose_masks(Decoded(logits, scores), lone_click=True)
    assert chosen.flatten().tolist() == [2, 7]
    assert expected.tolist() == pytest.approx([0.3, 0.4])
    chosen, expected = choose_masks(Decoded(logits, scores), lone_click=False)
    assert chosen.flatten().tolist() == [0, 4]
    assert expected.tolist() == pytest.approx([0.9, 0.9])


def test_an_hq_head_has_one_mask(base: CatSam, image: np.ndarray) -> None:
    model = base.with_method("cat-a")
    predictor = Predictor(model)
    embedding = predictor.embed(image)
    found = predictor.predict(embedding, Prompts(points=POINTS))
    logits, scores = decode_directly(model, embedding, Prompts(points=POINTS))
    assert logits.shape[1] == 1
    np.testing.assert_allclose(found.logits, logits[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.scores, scores[:, 0], atol=1e-5)


# --------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (
            Prompts(boxes=[[-3, 2, 8, 9]]),
            r"box corner \(-3, 2\) lies outside .* 48 rows x 60 columns",
        ),
        (Prompts(boxes=[[2, 2, 49, 9]]), r"box corner \(49, 9\) lies outside"),
        (Prompts(points=[[[2, 2]], [[50, 2]]]), r"point \(50, 2\) lies outside"),
        (Prompts(points=[[[2, 61]]], labels=[[0]]), r"point \(2, 61\) lies outside"),
        (
            Prompts(masks=np.ones((1, 48, 61), bool)),
            "mask prompts are 48 x 61, the image is 48 x 60",
        ),
        (Prompts(masks=np.ones((1, 16, 17))), "mask prompts are 16 x 17, the image is 48 x 60"),
    ],
)
def test_a_prompt_that_does_not_fit_the_image_is_refused(
    predictor: Predictor, embedding: Embedding, prompts: Prompts, expected: str
) -> None:
    with pytest.raises(PromptError, match=expected):
        predictor.predict(embedding, prompts)


def test_padding_points_may_lie_anywhere(predictor: Predictor, embedding: Embedding) -> None:
    predictor.predict(embedding, Prompts(points=[[[2, 2], [-9, 999]]], labels=[[1, -1]]))


def test_a_box_may_end_at_the_edge_of_the_image(predictor: Predictor, embedding: Embedding) -> None:
    predictor.predict(embedding, Prompts(boxes=[[0, 0, *SIZE]]))


def test_an_embedding_of_another_method_is_refused(base: CatSam, image: np.ndarray) -> None:
    embedding = Predictor(base).embed(image)
    other = Predictor(base.with_method("cat-a"))
    expected = r"embedding was made by tiny-\w+/sam-\w+, this predictor has tiny-\w+/cat-a-\w+"
    with pytest.raises(PromptError, match=expected):
        other.predict(embedding, Prompts(boxes=BOXES))


def test_an_embedding_of_other_trained_values_is_refused(base: CatSam, image: np.ndarray) -> None:
    embedding = Predictor(base.with_method("cat-t", seed=1)).embed(image)
    other = Predictor(base.with_method("cat-t", seed=2))
    with pytest.raises(PromptError, match="embed the image again"):
        other.predict(embedding, Prompts(boxes=BOXES))


def test_an_embedding_of_an_equal_model_is_accepted(base: CatSam, image: np.ndarray) -> None:
    one, two = (Predictor(base.with_method("cat-t", seed=1)) for _ in range(2))
    expected = one.predict(one.embed(image), Prompts(boxes=BOXES))
    assert_same(two.predict(one.embed(image), Prompts(boxes=BOXES)), expected)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (np.zeros((0, 5)), "the image is empty"),
        (np.full((5, 5), np.nan), "the image holds NaN"),
        (np.zeros((2, 5, 5, 5, 3)), "give one plane"),
        (np.zeros((3, 50, 50)), "give one plane"),
        (np.zeros((5, 5), complex), "dtype complex128"),
    ],
)
def test_a_wrong_image_is_refused(base: CatSam, wrong: np.ndarray, expected: str) -> None:
    with pytest.raises(ImageError, match=expected):
        Predictor(base).embed(wrong)


# -------------------------------------------------------------------------------------- images


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize(
    "shape",
    [(48, 60), (60, 48, 1), (48, 60, 2), (48, 60, 3), (48, 60, 4), (1, 1), (1, 200), (300, 2)],
)
def test_images_of_every_shape_are_segmented(
    base: CatSam, shape: tuple[int, ...], resize: str
) -> None:
    model = base.with_method("cat-a")
    model.resize = resize
    predictor = Predictor(model)
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    embedding = predictor.embed(image)
    assert embedding.size == shape[:2]
    masks = predictor.predict(embedding, Prompts(boxes=[[0, 0, *shape[:2]]], points=[[[0, 0]]]))
    assert masks.masks.shape == (1, *shape[:2])
    assert np.isfinite(masks.logits).all()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int16", "float32", "float64", ">u2"])
def test_images_of_every_dtype_are_segmented(base: CatSam, dtype: str) -> None:
    predictor = Predictor(base)
    values = np.random.default_rng(0).uniform(0, 2, SIZE).astype(dtype)
    pixels, frame = predictor.preprocess(values)
    assert pixels.shape == (1, 3, 64, 64)
    assert pixels.dtype == torch.float32
    assert torch.isfinite(pixels).all()
    assert frame.size == SIZE
    predictor.predict(predictor.embed(values), Prompts(boxes=BOXES))


def test_views_with_negative_strides_are_taken(base: CatSam, image: np.ndarray) -> None:
    predictor = Predictor(base)
    expected = predictor.embed(np.ascontiguousarray(image[::-1, ::-1]))
    torch.testing.assert_close(predictor.embed(image[::-1, ::-1]).features, expected.features)


def test_the_models_intensity_is_used_unless_another_is_given(base: CatSam) -> None:
    model = base.with_method("sam")
    model.intensity = Intensity("limits", 1000, 2000)
    predictor = Predictor(model)
    image = np.linspace(500, 2500, 48 * 60).reshape(SIZE).astype(np.uint16)
    own = predictor.preprocess(image)[0]
    same = Predictor(base).preprocess(image, Intensity("limits", 1000, 2000))[0]
    other = predictor.preprocess(image, Intensity("percentiles", 0, 100))[0]
    torch.testing.assert_close(own, same)
    assert not torch.allclose(own, other)


def test_an_embedding_holds_no_gradients(predictor: Predictor, embedding: Embedding) -> None:
    assert not embedding.features.requires_grad
    assert not embedding.early.requires_grad
    assert (embedding.detail.head is None) == (predictor.model.head is None)


# -------------------------------------------------------------------------------------- memory


def limit_decode(monkeypatch: pytest.MonkeyPatch, model: CatSam, most: int) -> list[int]:
    """Let a model run out of memory above ``most`` objects; return the list of counts it was given."""
    counts: list[int] = []
    decode = model.decode

    def decode_some(features: torch.Tensor, detail: Detail, prompts: PromptTensors) -> Decoded:
        count = next(len(value) for value in prompts if value is not None)
        counts.append(count)
        if count > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(features, detail, prompts)

    monkeypatch.setattr(model, "decode", decode_some)
    return counts


@pytest.fixture
def many(base: CatSam, image: np.ndarray) -> tuple[Predictor, Embedding, Prompts]:
    predictor = Predictor(base.with_method("cat-a", seed=1))
    boxes = np.concatenate([BOXES, BOXES * 0.9, BOXES * 0.8])
    return predictor, predictor.embed(image), Prompts(boxes=boxes)


def test_short_memory_halves_the_chunk_and_gives_the_same(
    many: tuple, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    predictor, embedding, prompts = many
    expected = predictor.predict(embedding, prompts)
    counts = limit_decode(monkeypatch, predictor.model, most=3)
    with caplog.at_level(logging.WARNING):
        assert_same(predictor.predict(embedding, prompts), expected)
    assert counts == [12, 6, 3, 3, 3, 3]
    assert "decoding 3 objects a time" in caplog.text


def test_the_smaller_chunk_is_remembered(many: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, embedding, prompts = many
    counts = limit_decode(monkeypatch, predictor.model, most=5)
    predictor.predict(embedding, prompts)
    counts.clear()
    predictor.predict(embedding, prompts)
    assert max(counts) == 3


def test_memory_may_run_out_when_masks_are_resized_too(
    many: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, embedding, prompts = many
    expected = predictor.predict(embedding, prompts)
    resize = module.logits_to_masks

    def resize_some(frame: Frame, logits: torch.Tensor) -> np.ndarray:
        if len(logits) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return resize(frame, logits)

    monkeypatch.setattr(module, "logits_to_masks", resize_some)
    assert_same(predictor.predict(embedding, prompts), expected)


@pytest.mark.parametrize("objects", [1, 12])
def test_one_object_that_does_not_fit_is_an_error(
    many: tuple, monkeypatch: pytest.MonkeyPatch, objects: int
) -> None:
    predictor, embedding, prompts = many
    limit_decode(monkeypatch, predictor.model, most=0)
    with pytest.raises(OutOfMemoryError, match="one object does not fit into the memory of cpu"):
        predictor.predict(embedding, prompts.select(np.arange(objects)))


def test_an_encoder_that_does_not_fit_is_an_error(
    base: CatSam, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(_: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(base, "encode", run_out)
    with pytest.raises(OutOfMemoryError, match="tiny does not fit into the memory of cpu; choose"):
        Predictor(base).embed(image)
