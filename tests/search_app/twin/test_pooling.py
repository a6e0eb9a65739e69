import math

import pytest
import torch

from search_app.twin.pooling import pool

TOKENS = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [100.0, 100.0]]])  # the last token is padding
MASK = torch.tensor([[1, 1, 0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cls", [1.0, -4.0]),
        ("max", [3.0, -2.0]),
        ("mean", [2.0, -3.0]),
        ("mean_sqrt_len_tokens", [4 / math.sqrt(2), -6 / math.sqrt(2)]),
        ("weightedmean", [(1 + 2 * 3) / 3, (-4 + 2 * -2) / 3]),
        ("lasttoken", [3.0, -2.0]),
    ],
)
def test_pooling_by_hand(name: str, expected: list[float]) -> None:
    assert pool(TOKENS, MASK, (name,))[0].tolist() == pytest.approx(expected)


def test_poolings_stand_side_by_side_in_the_order_of_their_names() -> None:
    assert pool(TOKENS, MASK, ("max", "cls"))[0].tolist() == [3.0, -2.0, 1.0, -4.0]
