import random

from search_app.twin.batching import batches_by_length, padded, windows


def test_a_window_ends_at_either_limit_and_a_longer_text_is_alone() -> None:
    texts = ["aa", "bb", "c", "dddddd", "e", "f", "g", "h"]
    assert list(windows(texts, most_texts=3, most_characters=4)) == [
        ["aa", "bb"],
        ["c"],
        ["dddddd"],
        ["e", "f", "g"],
        ["h"],
    ]
    assert list(windows([], most_texts=3, most_characters=4)) == []


def test_batches_fill_the_budget_with_texts_of_one_length_together() -> None:
    assert list(batches_by_length([2, 9, 3, 2, 8], token_budget=18)) == [[1, 4], [2, 0, 3]]


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    assert list(batches_by_length([50, 4, 4], token_budget=8)) == [[0], [1, 2]]


def test_every_text_is_in_one_batch_and_no_batch_exceeds_the_budget() -> None:
    seed = 3
    lengths = random.Random(seed).choices(range(1, 60), k=500)
    batches = list(batches_by_length(lengths, token_budget=256))
    assert sorted(i for batch in batches for i in batch) == list(range(500)), f"seed {seed}"
    assert max(len(batch) * max(lengths[i] for i in batch) for batch in batches) <= 256, f"seed {seed}"


def test_rows_are_padded_on_the_right_and_a_prompt_is_left_out_of_pooling() -> None:
    features = padded([[5, 6, 7], [8]], pad_id=1, unpooled=1)
    assert {name: tensor.tolist() for name, tensor in features.items()} == {
        "input_ids": [[5, 6, 7], [8, 1, 1]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "pooling_mask": [[0, 1, 1], [0, 0, 0]],
    }
