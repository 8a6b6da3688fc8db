"""Numbers of others: the paper's, and what people got who ran its released code again."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "METHOD_TITLES",
    "PAPER",
    "REPRODUCED",
    "Published",
    "find_published",
    "order_datasets",
    "order_methods",
]

METHOD_TITLES = {
    "sam": "SAM, not adapted",
    "vpt-shallow": "VPT-shallow",
    "vpt-deep": "VPT-deep",
    "adaptformer": "AdaptFormer",
    "lora": "LoRA",
    "hq": "HQ-SAM",
    "cat-t": "CAT-SAM-T",
    "cat-a": "CAT-SAM-A",
}
"""In the order of the paper's Table 4."""

TABLE_4 = "CAT-SAM, arXiv 2402.03631, Table 4: one shot, ViT-L, box prompts"
ISSUES = "of https://github.com/weihao1115/cat-sam"


@dataclass(frozen=True)
class Published:
    """One number that others report: dataset IoU in %, one shot, ViT-L, box prompts.

    Attributes
    ----------
    method, dataset : str
        As they are called here.
    low, high : float
        Equal for a single number.
    source : str
        Where it stands.
    """

    method: str
    dataset: str
    low: float
    high: float
    source: str

    def __str__(self) -> str:
        return f"{self.low:.1f}" if self.low == self.high else f"{self.low:.1f} to {self.high:.1f}"


DATASETS = ("whu", "kvasir", "sbu")
"""In the order of the same table."""


def _list_paper() -> tuple[Published, ...]:
    rows = {
        "sam": (43.5, 79.0, 62.4),
        "vpt-shallow": (60.8, 79.8, 68.7),
        "vpt-deep": (57.8, 80.4, 76.0),
        "adaptformer": (83.2, 76.8, 77.2),
        "lora": (86.1, 77.5, 74.4),
        "hq": (71.2, 73.8, 63.5),
        "cat-t": (86.8, 83.4, 78.0),
        "cat-a": (88.2, 85.4, 81.9),
    }
    return tuple(
        Published(method, dataset, value, value, TABLE_4)
        for method, values in rows.items()
        for dataset, value in zip(DATASETS, values, strict=True)
    )


PAPER = _list_paper()
"""The numbers of the paper's authors."""

REPRODUCED = (
    Published("cat-a", "whu", 84.0, 85.0, f"issues 8 and 9 {ISSUES}"),
    Published("cat-a", "kvasir", 80.0, 82.6, f"issues 3 and 8 {ISSUES}"),
    Published("cat-a", "sbu", 75.2, 78.3, f"issues 3 and 8 {ISSUES}"),
)
"""What independent people got from the released one-shot training, from the lowest to the highest."""


def find_published(numbers: tuple[Published, ...], method: str, dataset: str) -> Published | None:
    """Return the number of a method on a data set, or None if there is none."""
    for number in numbers:
        if (number.method, number.dataset) == (method, dataset):
            return number
    return None


def order_methods(methods: set[str]) -> list[str]:
    """Sort methods as the paper's table has them, others after them by name."""
    known = list(METHOD_TITLES)
    return sorted(methods, key=lambda m: (known.index(m) if m in known else len(known), m))


def order_datasets(datasets: set[str]) -> list[str]:
    """Sort data sets as the paper's table has them, others after them by name."""
    return sorted(datasets, key=lambda d: (DATASETS.index(d) if d in DATASETS else 3, d))
