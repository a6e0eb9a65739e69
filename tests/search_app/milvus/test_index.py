"""One contract for embedded Milvus and for a server."""

from typing import Any

import numpy as np
import pytest

from search_app.errors import IndexFailure
from search_app.index import Found, VectorIndex, vector_index

DIM = 16


def unit_rows(count: int, *, seed: int = 7) -> np.ndarray[Any, np.dtype[np.float32]]:
    rows = np.random.default_rng(seed).normal(size=(count, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ids_of(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def fields_of(count: int) -> list[dict[str, Any]]:
    return [{"document_id": f"d{n}", "title": f"Title {n}", "metadata": {"n": n}} for n in range(count)]


def nearest(queries: Any, rows: Any, limit: int) -> list[list[str]]:
    """The slow truth: every row compared with numpy, ties by id."""
    scores = queries @ rows.T
    ids = ids_of(len(rows))
    return [
        [ids[i] for i in sorted(range(len(rows)), key=lambda i, s=line: (-s[i], ids[i]))[:limit]]  # type: ignore[misc]
        for line in scores
    ]


def filled(door: VectorIndex, physical: str, count: int) -> Any:
    rows = unit_rows(count)
    door.upsert(physical, ids_of(count), rows, fields_of(count))
    return rows


def test_a_collection_keeps_its_properties(door: VectorIndex, physical: str) -> None:
    assert door.properties(physical)["fingerprint"] == "f" * 64
    assert physical in door.names()
    assert door.exists(physical)
    assert not door.exists(physical + "x")


def test_a_name_is_never_used_twice(door: VectorIndex, physical: str) -> None:
    with pytest.raises(IndexFailure, match=f"holds a collection {physical} already"):
        door.create(physical, DIM, {})


def test_search_agrees_with_comparing_every_row(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 600)
    door.flush(physical)
    queries = unit_rows(40, seed=11)
    found = door.search(physical, queries, limit=10, exact=True)
    assert [[one.id for one in hits] for hits in found] == nearest(queries, rows, 10)
    for query, hits in zip(queries, found, strict=True):
        expected = [float(query @ rows[int(one.id, 16)]) for one in hits]
        assert [one.score for one in hits] == pytest.approx(expected, abs=1e-5)


def test_a_search_sees_rows_that_are_not_flushed(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 20)
    assert door.search(physical, rows[3:4], limit=1) == [[Found(ids_of(20)[3], pytest.approx(1.0, abs=1e-5))]]
    assert door.count(physical) == 20


def test_equal_scores_come_by_id(door: VectorIndex, physical: str) -> None:
    row = unit_rows(1)
    door.upsert(physical, ["c", "a", "b"], np.repeat(row, 3, axis=0), fields_of(3))
    assert [one.id for one in door.search(physical, row, limit=3)[0]] == ["a", "b", "c"]


def test_an_empty_collection_answers_every_query_with_nothing(door: VectorIndex, physical: str) -> None:
    assert door.search(physical, unit_rows(2), limit=5) == [[], []]
    assert door.count(physical) == 0
    assert list(door.ids(physical)) == []


def test_more_queries_than_fit_one_call_keep_their_order(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 300)
    assert [hits[0].id for hits in door.search(physical, rows, limit=1, exact=True)] == ids_of(300)


def test_writing_twice_is_writing_once(door: VectorIndex, physical: str) -> None:
    filled(door, physical, 30)
    door.flush(physical)
    rows = filled(door, physical, 30)
    assert door.count(physical) == 30
    assert len(door.search(physical, rows[:1], limit=16_384)[0]) == 30


def test_an_upsert_replaces_the_whole_row(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 5)
    door.upsert(physical, ids_of(1), rows[4:5], [{"title": "new"}])
    assert door.vectors(physical, ids_of(1))[ids_of(1)[0]] == pytest.approx(rows[4], abs=1e-6)
    where = 'fields["title"] == "new"'
    assert [one.id for one in door.search(physical, rows[:1], limit=5, where=where)[0]] == ids_of(1)


def test_deleted_rows_are_gone_at_once(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 10)
    door.delete(physical, [*ids_of(4), "never there"])
    assert door.present(physical, ids_of(10)) == set(ids_of(10)[4:])
    assert door.count(physical) == 6
    assert {one.id for one in door.search(physical, rows[:1], limit=10)[0]} == set(ids_of(10)[4:])


def test_a_row_that_was_deleted_can_come_back(door: VectorIndex, physical: str) -> None:
    filled(door, physical, 5)
    door.delete(physical, ids_of(5))
    filled(door, physical, 5)
    assert door.present(physical, ids_of(5)) == set(ids_of(5))


def test_present_and_vectors_read_back_what_was_written(door: VectorIndex, physical: str) -> None:
    rows = filled(door, physical, 1_500)  # more than one call may name
    assert door.present(physical, [*ids_of(1_500), "no"]) == set(ids_of(1_500))
    held = door.vectors(physical, ids_of(1_500))
    assert np.array_equal(np.stack([held[id_] for id_ in ids_of(1_500)]), rows)


def test_ids_and_rows_list_every_row_once(door: VectorIndex, physical: str, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(door, physical, 2_300)
    monkeypatch.setattr(vector_index, "page_rows", lambda _: 1_000)
    pages = list(door.ids(physical))
    assert sorted(id_ for page in pages for id_ in page) == ids_of(2_300)
    assert [len(page) for page in pages] == [1_000, 1_000, 300]
    assert [id_ for ids, _ in door.rows(physical) for id_ in ids] == [id_ for page in pages for id_ in page]


def test_ids_may_hold_any_character(door: VectorIndex, physical: str) -> None:
    odd = ['"', "\\", "' or id != '", "naïve", "a\nb", "🙂"]
    door.upsert(physical, odd, unit_rows(len(odd)), fields_of(len(odd)))
    assert door.present(physical, odd) == set(odd)
    door.delete(physical, odd[:3])
    assert door.present(physical, odd) == set(odd[3:])


@pytest.mark.parametrize(
    ("ids", "vectors", "told"),
    [
        (
            ["a", "b"],
            unit_rows(1),
            "2 ids, 1 vectors and 2 fields can't be rows: give one of each for every row.",
        ),
        (
            ["a"],
            np.full((1, DIM), np.nan, np.float32),
            r"1 of 1 vectors are not of length 1 \(the first has nan\)\.",
        ),
        (["a"], np.zeros((1, DIM), np.float32), r"1 of 1 vectors are not of length 1 \(the first has 0\)\."),
        (["a"], 2 * unit_rows(1), r"1 of 1 vectors are not of length 1 \(the first has 2\)\."),
        (["a"], unit_rows(1)[:, :8], r"Vectors of the shape \(1, 8\) can't be rows of width 16\."),
        (["ä" * 33], unit_rows(1), "can't be written: an id has 1 to 64 bytes."),
        (["a", "a"], unit_rows(2), "An id is given twice among 2 rows; each row needs its own."),
    ],
)
def test_a_damaged_row_is_refused_before_anything_is_written(
    door: VectorIndex, physical: str, ids: list[str], vectors: Any, told: str
) -> None:
    with pytest.raises(IndexFailure, match=told):
        door.upsert(physical, ids, vectors, fields_of(len(ids)))
    assert door.count(physical) == 0


def test_rows_larger_than_one_message_are_written_in_parts(door: VectorIndex, physical: str) -> None:
    fields = [{"title": "x" * 60_000} for _ in range(100)]  # 6 MB of text, and a batch has 4
    door.upsert(physical, ids_of(100), unit_rows(100), fields)
    assert door.count(physical) == 100


@pytest.mark.parametrize("limit", [0, 16_385])
def test_a_search_without_a_sensible_limit_is_refused(door: VectorIndex, physical: str, limit: int) -> None:
    with pytest.raises(IndexFailure, match="ask for 1 to 16,384"):
        door.search(physical, unit_rows(1), limit=limit)


def test_an_alias_moves_in_one_step_and_serves_searches(door: VectorIndex, physical: str) -> None:
    other, alias = physical + "_2", physical + "_live"
    door.create(other, DIM, {})
    assert door.alias_target(alias) is None
    door.point_alias(alias, physical)
    door.point_alias(alias, physical)
    assert door.alias_target(alias) == physical
    rows = filled(door, other, 3)
    door.point_alias(alias, other)
    assert (door.alias_target(alias), door.aliases(physical), door.aliases(other)) == (other, [], [alias])
    assert door.search(alias, rows[:1], limit=1)[0][0].id == ids_of(1)[0]


def test_a_collection_with_an_alias_is_not_dropped(door: VectorIndex, physical: str) -> None:
    alias = physical + "_live"
    door.point_alias(alias, physical)
    with pytest.raises(IndexFailure, match=f"The collection {physical} is live: the alias {alias} points to it"):
        door.drop(physical)
    with pytest.raises(IndexFailure, match=f"{alias} is an alias of {physical}"):
        door.drop(alias)
    door.drop_alias(alias)
    door.drop_alias(alias)
    door.drop(physical)
    door.drop(physical)
    assert not door.exists(physical)


@pytest.mark.parametrize("name", ["", "a-b", "../x", "1a", "a" * 256, "naïve"])
def test_a_name_that_some_milvus_would_refuse_is_refused_by_all(door: VectorIndex, name: str) -> None:
    with pytest.raises(IndexFailure, match="can't name a collection: use up to 255 letters, digits and _"):
        door.create(name, DIM, {})
    with pytest.raises(IndexFailure, match="can't name a collection"):
        door.point_alias(name, "kept")


def test_a_missing_collection_is_named_in_the_sentence(door: VectorIndex) -> None:
    with pytest.raises(IndexFailure, match=r"lacks a collection that the catalogue names \(read from nowhere\)"):
        door.count("nowhere")


def test_a_malformed_expression_is_a_sentence_of_ours(door: VectorIndex, physical: str) -> None:
    filled(door, physical, 1)
    with pytest.raises(IndexFailure, match=f"could not search {physical}: "):
        door.search(physical, unit_rows(1), limit=1, where="n ===")


def test_the_server_tells_its_version(door: VectorIndex) -> None:
    assert any(digit.isdigit() for digit in door.server_version())


def test_a_closed_door_opens_again_by_itself(door: VectorIndex, physical: str) -> None:
    filled(door, physical, 4)
    door.close()
    assert door.count(physical) == 4
