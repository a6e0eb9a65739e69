"""A filter run by SQLite over the catalogue lets through exactly the documents that `matches` lets through."""

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.chunking import Chunk, ChunkingSettings
from ingest.documents import Document
from search_app.catalog import Catalog
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation
from search_app.catalog.words import Scope
from search_app.filters import And, Compare, Exists, Filter, In, Not, Or, check, matches, to_sql

ENCODER = EncoderRecord(fingerprint="f" * 64, name="plain", folder="/encoders/plain", dim=4, max_tokens=16)

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
MANY = 10_000 if IS_CAMPAIGN else 2_000
EXAMPLES = 1_000 if IS_CAMPAIGN else 100  # others in each run
MANY_A_FILTER = 1_000

KEYS = ("n", "text", "Date sent", 'a"b', "a\\b", "$.é[0]", "'", "title", "")
FIELDS = dict.fromkeys(KEYS, ("str", "int", "float", "bool"))
TEXTS = ("", "a", "A", "b", "é", "\U0001f600", "\uffff", "'; DROP TABLE chunks; --", '"', "\\", "%", "true", "1", "a b")
NUMBERS = (0, 1, -1, 1.0, 0.5, -0.0, 2**53 - 1, 1e300, -1e-300)
LARGE = (2**63 - 1, -(2**63), 1.7976931348623157e308)

fields = st.sampled_from([*KEYS, "id", "source", "origin", "metadata.title"])
texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
numbers = st.one_of(
    st.sampled_from([number for number in NUMBERS if abs(number) < 2**53]),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(-1e15, 1e15),
)
values = st.one_of(texts, numbers, st.booleans())
stored = st.one_of(values, st.sampled_from([*NUMBERS, *LARGE, None]))
ordered = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
documents = st.fixed_dictionaries(
    {"title": st.sampled_from(TEXTS), "metadata": st.dictionaries(st.sampled_from(KEYS), stored, max_size=5)}
)


def comparison(field: str) -> st.SearchStrategy[Filter]:
    """One that `check` lets pass: the document's own fields hold text, and flags have no order."""
    own = field in ("id", "title", "source", "origin")
    with_order = st.builds(Compare, st.just(field), ordered, texts if own else st.one_of(texts, numbers))
    if own:
        return with_order
    return st.one_of(with_order, st.builds(Compare, st.just(field), st.sampled_from(["==", "!="]), st.booleans()))


def membership(field: str) -> st.SearchStrategy[Filter]:
    asked = texts if field in ("id", "title", "source", "origin") else values
    return st.builds(In, st.just(field), st.lists(asked, min_size=1, max_size=5).map(tuple))


leaves = st.one_of(fields.flatmap(comparison), fields.flatmap(membership), st.builds(Exists, fields))
filters = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path_factory.mktemp("filters") / "catalog.sqlite")
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def generation(catalog: Catalog) -> Generation:
    collection = catalog.collections.create("docs")
    return catalog.generations.create(
        collection.id, encoder=ENCODER, precision="fp32", chunking=ChunkingSettings(max_tokens=16)
    )


def fill(catalog: Catalog, generation: Generation, contents: list[dict[str, object]]) -> list[Document]:
    """Documents d0, d1 ... of one chunk, whose id is the document's; all others are removed."""
    filled = [
        Document(f"d{number}", str(each["title"]), "word", "s", "/o", each["metadata"])  # type: ignore[arg-type]
        for number, each in enumerate(contents)
    ]
    catalog.documents.remove(generation.collection_id, [f"d{number}" for number in range(9)])
    chunks = [[Chunk(each.id, each.id, 0, 0, 4, "word", (), None, 1)] for each in filled]
    catalog.documents.commit(generation.id, list(zip(filled, chunks, strict=True)))
    return filled


def matching(filter_: Filter, held: list[Document]) -> list[str]:
    def fields_of(document: Document) -> dict[str, object]:
        own = {"document_id": document.id, "title": document.title, "source": document.source}
        return {**own, "origin": document.origin, "metadata": document.metadata}

    return [document.id for document in held if matches(filter_, fields_of(document))]


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(documents, min_size=1, max_size=9), st.lists(filters, min_size=1, max_size=5))
def test_sqlite_finds_what_the_reference_finds(
    catalog: Catalog, generation: Generation, contents: list[dict[str, object]], tried: list[Filter]
) -> None:
    held = fill(catalog, generation, contents)
    for filter_ in tried:
        check(filter_, FIELDS)
        expected = matching(filter_, held)
        assert sorted(catalog.documents.matching_chunk_ids(generation, filter_)) == expected
        for scope in (Scope(filter_), Scope(filter_, tuple(expected))):
            found = catalog.words.search(generation, "word", limit=100, scope=scope)
            assert sorted(each.id for each in found) == expected


def test_sqlite_tells_any_text_from_every_other(catalog: Catalog, generation: Generation) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    signs = [
        *"'\"\\%_{}[]()&|<>=!?:@$ \n\t",
        "null",
        "true",
        "--",
        "/*",
        "e\u0301",
        "\u202e",
        "\x01",
        "\uffff",
        "\U0010ffff",
    ]
    contents = ["".join(chance.choices(signs, k=chance.randint(0, 6))) for _ in range(MANY)]
    held = fill(catalog, generation, [{"title": text, "metadata": {"text": text}} for text in contents])
    for start in range(0, MANY, MANY_A_FILTER):
        asked = set(contents[start : start + MANY_A_FILTER])
        same = sorted(each.id for each in held if each.title in asked)
        for field in ("title", "text"):
            found = catalog.documents.matching_chunk_ids(generation, In(field, tuple(asked)))
            assert sorted(found) == same
    catalog.documents.remove(generation.collection_id, [each.id for each in held])


def test_the_largest_allowed_filter_can_be_run(catalog: Catalog, generation: Generation) -> None:
    fill(catalog, generation, [{"title": "", "metadata": {"n": number}} for number in range(3)])
    deep: Filter = Not(Exists("n"))
    for _ in range(19):
        deep = Or((And((deep,)), Compare("n", "==", 1)))
    wide = And(tuple(Not(Compare("n", "==", number)) for number in range(1, 5_001)))
    many = In("n", tuple(range(1, 5_001)))
    found = [sorted(catalog.documents.matching_chunk_ids(generation, each)) for each in (deep, wide, many)]
    assert found == [["d1"], ["d0"], ["d1", "d2"]]


def test_names_and_values_are_bound_and_never_part_of_the_text() -> None:
    condition = to_sql(Or((Compare("a'b", "==", "x'y"), Not(In("c:d", (1, "e"))))))
    assert condition.parameters == {"p0": "x'y", "p1": "a'b", "p2": "[1]", "p3": "c:d", "p4": '["e"]', "p5": "c:d"}
    assert not any(sign in condition.text for sign in ("a'b", "x'y", "c:d"))
