import json
import random
from collections import Counter
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.facets import Facet, FacetValue
from search_app.errors import FilterError
from search_app.requests import IngestRequest

ROWS = [
    {"_id": "a", "text": "cat", "lang": "en", "year": 2020, "draft": True, "isbn": "1"},
    {"_id": "b", "text": "dog", "lang": "de", "year": 2020, "draft": False, "isbn": "2"},
    {"_id": "c", "text": "sea", "lang": "en", "year": 2021, "isbn": "3"},
]


@pytest.fixture
def shelf(app: SearchApp, tmp_path: Path) -> SearchApp:
    """Three documents that differ in their metadata."""
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    app.ingest(IngestRequest((str(table),)))
    return app


def test_facets_count_values_and_leave_out_what_is_different_everywhere(shelf: SearchApp) -> None:
    found = shelf.facets()
    assert found.document_count == 3
    assert found.fields == (
        Facet("lang", (FacetValue("en", 2), FacetValue("de", 1)), 2),
        Facet("year", (FacetValue(2020, 2), FacetValue(2021, 1)), 2),
    )


def test_facets_count_only_what_the_filters_let_through(shelf: SearchApp) -> None:
    found = shelf.facets(where=["year=2020"])
    assert found.document_count == 2
    assert [one.field for one in found.fields] == ["year"]
    assert shelf.facets(where=["lang=en", "draft=true"]).document_count == 1


def test_facets_show_the_most_frequent_values_and_say_how_many_there_are(shelf: SearchApp) -> None:
    lang = shelf.facets(value_limit=1).fields[0]
    assert lang == Facet("lang", (FacetValue("en", 2),), 2)


def test_a_filter_on_an_unknown_field_is_refused(shelf: SearchApp) -> None:
    with pytest.raises(FilterError, match="No document has a field 'colour'"):
        shelf.facets(where=["colour=red"])


def test_facets_agree_with_counting_by_hand(app: SearchApp, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    draw = random.Random(seed)
    rows = [{"_id": str(n), "text": "cat", "kind": draw.choice("xyz"), "n": draw.randint(1, 4)} for n in range(60)]
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(table),)))
    kept = [row for row in rows if row["n"] >= 2]
    (kinds,) = [one for one in app.facets(where=["n>=2"]).fields if one.field == "kind"]
    assert {one.value: one.document_count for one in kinds.values} == Counter(row["kind"] for row in kept)
    assert app.facets(where=["n>=2"]).document_count == len(kept)


def test_counts_are_kept_until_anybody_commits_anything(shelf: SearchApp) -> None:
    before = shelf.facets()
    assert shelf.facets() is before
    assert shelf.facets(where=["draft=true"]).document_count == 1
    with SearchApp.open(shelf.home.path) as other:
        other.remove_documents(["a"])
    assert shelf.facets().document_count == 2
    shelf.remove_documents(["b"])
    assert shelf.facets().document_count == 1


def test_a_closed_catalogue_keeps_no_counts(shelf: SearchApp) -> None:
    before = shelf.facets()
    shelf.catalog.close()
    assert shelf.facets() == before
    assert shelf.facets() is not before
