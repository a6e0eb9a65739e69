"""Any query and any number gets hits or one sentence, in every mode, from the command line."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from search_app.app import SearchApp

Twinsearch = Callable[..., tuple[int, str, str]]
MODES = ("dense", "lexical", "hybrid")


@pytest.fixture
def filled(noted: SearchApp, run_on: Twinsearch) -> Twinsearch:
    return partial(run_on, noted.home.path)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "query",
    [
        "c",
        "the of and",
        '"the" ""',
        "cat AND (",
        "* cat",
        "cat NEAR(dog",
        "cat OR NOT",
        "cat \U0001f600",
        "cat שלום عالم",
        "cat'; DROP TABLE chunks; --",
        "title == 'cat' or 1 == 1",
        "cat\0dog",
        "caf\udce9 cat",  # a byte that isn't UTF-8, as Python gets it from a shell
        "title:cat",
        "cat^2 -dog",
    ],
)
def test_any_query_gets_hits_or_none(filled: Twinsearch, mode: str, query: str) -> None:
    code, out, err = filled("search", query, "--mode", mode, "--explain", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["mode"] == mode
    if mode != "lexical":
        assert len(found["hits"]) == 4  # by meaning every document has a place


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("",), "The query is empty. Type at least one word."),
        (("x" * 100_000,), "The query has 100,000 characters; at most 20,000 are read. Shorten it."),
        (("cat", "-k", "0"), "0 hits were asked for; choose a number from 1 to 1,000."),
        (("cat", "-k", "-1"), "-1 hits were asked for; choose a number from 1 to 1,000."),
        (("cat", "-k", "10000"), "10000 hits were asked for; choose a number from 1 to 1,000."),
        (("cat", "--offset", "-1"), "A page can't begin after -1 hits; choose a number from 0 to 10,000."),
        (
            ("cat", "--where", "colour=red"),
            "No document has a field 'colour'. The fields are: id, title, source, origin, modified.",
        ),
        (
            ("cat", "--where", "(" * 50 + "title=cat" + ")" * 50),
            "The filter is nested more than 20 levels deep. Write it with fewer levels.",
        ),
        (
            ("cat", "--where", f"title in {','.join(f't{number}' for number in range(5_001))}"),
            "The filter gives 5,001 values for 'title'; it can give 1 to 5,000.",
        ),
    ],
)
def test_what_can_not_be_searched_is_told(
    filled: Twinsearch, mode: str, arguments: tuple[str, ...], sentence: str
) -> None:
    assert filled("search", *arguments, "--mode", mode) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("mode", MODES)
def test_a_page_past_the_end_and_a_long_list_of_values_are_no_errors(filled: Twinsearch, mode: str) -> None:
    nothing = (0, "Nothing found in 'docs'.\n", "")
    assert filled("search", "cat", "--mode", mode, "--offset", "10000") == nothing
    values = ",".join(f"t{number}" for number in range(5_000))
    assert filled("search", "cat", "--mode", mode, "--where", f"title in {values}") == nothing
