"""Filters as typed, as checked, and as meant; that Milvus agrees is shown in milvus/test_filtering.py."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.errors import FilterError
from search_app.filters import (
    And,
    Compare,
    Exists,
    Filter,
    In,
    Not,
    Or,
    asked_fields,
    check,
    matches,
    parse_where,
    stored_fields,
    to_milvus,
    unfit_fields,
)

DOCUMENT: dict[str, Any] = {
    "document_id": "docs/a.md",
    "title": "A",
    "source": "a.md",
    "origin": "/docs/a.md",
    "metadata": {"year": 2024, "draft": True, "lang": "de", "none": None, "title": "other", "Date sent": 3},
}


FIELDS = {"year": {"int"}, "lang": {"str", "NoneType"}, "draft": {"bool"}}
FORMS = (
    "`key=value`, `key!=value`, `key<=3`, `key in a,b`, `key between 1 and 5` or `exists key`, joined by `and`, `or`, "
    "`not` and parentheses; a value with these in it goes in quotes."
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lang=de", Compare("lang", "==", "de")),
        ("lang == de", Compare("lang", "==", "de")),
        ("lang!=de", Compare("lang", "!=", "de")),
        ("year<=2024", Compare("year", "<=", 2024)),
        ("year > -2.5e3", Compare("year", ">", -2500.0)),
        ("year=2024.0", Compare("year", "==", 2024.0)),
        ('year="2024"', Compare("year", "==", "2024")),
        ("draft=true", Compare("draft", "==", True)),
        ("draft='true'", Compare("draft", "==", "true")),
        ("lang=nan", Compare("lang", "==", "nan")),
        ("title=2024", Compare("title", "==", "2024")),
        ("metadata.title=2024", Compare("metadata.title", "==", 2024)),
        ("lang in de,en", In("lang", ("de", "en"))),
        ("year in 1, 2.5 ,true", In("year", (1, 2.5, True))),
        ('lang in "a,b", c', In("lang", ("a,b", "c"))),
        ("exists lang", Exists("lang")),
        ("within=3", Compare("within", "==", 3)),
        ("lang=cats in hats", Compare("lang", "==", "cats in hats")),
        ("formula=a=b", Compare("formula", "==", "a=b")),
        ('"Date sent"=3', Compare("Date sent", "==", 3)),
        ('lang=""', Compare("lang", "==", "")),
        (r'lang="say \"hi\" \\ twice"', Compare("lang", "==", r'say "hi" \ twice')),
        (r"lang='it\'s'", Compare("lang", "==", "it's")),
    ],
)
def test_a_condition_is_read_as_it_is_meant(text: str, expected: Filter) -> None:
    assert parse_where(text) == expected


A, B, C = Compare("a", "==", 1), Compare("b", "==", 2), Compare("c", "==", 3)
MARCH = And((Compare("day", ">=", "2024-03"), Compare("day", "<", "2024-04")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1 and b=2 and c=3", And((A, B, C))),
        ("a=1 or b=2 and c=3", Or((A, And((B, C))))),
        ("(a=1 or b=2) and c=3", And((Or((A, B)), C))),
        ("not a=1 and b=2", And((Not(A), B))),
        ("not (a=1 or not b=2)", Not(Or((A, Not(B))))),
        ("NOT a=1 OR B=2", Or((Not(A), Compare("B", "==", 2)))),
        ("lang in (de, en) and exists a", And((In("lang", ("de", "en")), Exists("a")))),
        ("lang in de,en or a=1", Or((In("lang", ("de", "en")), A))),
        (
            "title=salt or title='salt and pepper'",
            Or((Compare("title", "==", "salt"), Compare("title", "==", "salt and pepper"))),
        ),
        (
            "(name=print() or name=f(x or y))",
            Or((Compare("name", "==", "print()"), Compare("name", "==", "f(x or y)"))),
        ),
        ("name=Portland", Compare("name", "==", "Portland")),
        ("'and'=1", Compare("and", "==", 1)),
        ("a between 1 and 5", And((Compare("a", ">=", 1), Compare("a", "<=", 5)))),
        ('t between "b" and c or a=1', Or((And((Compare("t", ">=", "b"), Compare("t", "<=", "c"))), A))),
        ("day=2024-03", MARCH),
        ("day in 2024-03,soon", Or((MARCH, In("day", ("soon",))))),
        ("day<=2024-12-31", Compare("day", "<", "2024-12-32")),
        ("day>2024-01-09T23:59", Compare("day", ">=", "2024-01-09T23:5:")),
        (
            "day between 2024-03-01 and 2024-03-31",
            And((Compare("day", ">=", "2024-03-01"), Compare("day", "<", "2024-03-32"))),
        ),
        ('day="2024-03"', Compare("day", "==", "2024-03")),
        ("title=2024-03", Compare("title", "==", "2024-03")),
        ("day=2024-3-1", Compare("day", "==", "2024-3-1")),
    ],
)
def test_conditions_are_joined_and_dates_stand_for_all_their_moments(text: str, expected: Filter) -> None:
    assert parse_where(text) == expected


MOMENTS = (
    "2023-12-31",
    "2024-02-29T23:59:59",
    "2024-03",
    "2024-03-01T00:00:00",
    "2024-03-31T23:59:59+02:00",
    "2024-04-01",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("day=2024-03", MOMENTS[2:5]),
        ("day!=2024-03", (*MOMENTS[:2], *MOMENTS[5:])),
        ("day<2024-03", MOMENTS[:2]),
        ("day<=2024-03", MOMENTS[:5]),
        ("day>2024-03", MOMENTS[5:]),
        ("day>=2024-03-01", MOMENTS[3:]),
        ("day between 2024-02-29 and 2024-03-31", MOMENTS[1:5]),
        ("not day=2024-03", (*MOMENTS[:2], *MOMENTS[5:], None)),
    ],
)
def test_a_month_reaches_to_its_last_second(text: str, expected: tuple[str | None, ...]) -> None:
    held = [day for day in (*MOMENTS, None) if matches(parse_where(text), {"metadata": {"day": day}})]
    assert held == list(expected)


def test_parentheses_without_end_are_refused_and_not_followed() -> None:
    for text in ("(" * 50 + "a=1" + ")" * 50, "not " * 50 + "a=1", "(" * 100_000):
        with pytest.raises(FilterError) as told:
            parse_where(text)
        assert str(told.value) == "The filter is nested more than 20 levels deep. Write it with fewer levels."


def test_a_long_filter_is_read_in_time_that_grows_with_its_length() -> None:
    assert parse_where("lang in " + ",".join(map(str, range(5_000)))) == In("lang", tuple(range(5_000)))
    assert parse_where("lang=" + "a " * 100_000) == Compare("lang", "==", ("a " * 100_000).strip())
    assert parse_where("lang=a" + " " * 100_000 + "and a=1") == And((Compare("lang", "==", "a"), A))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("lang", ""),
        ("=de", ""),
        ("in a", ""),
        ("exists", ""),
        ("lang in", ""),
        ("a b=c", ""),
        ('lang in "a"b', "b"),
        ("lang=salt and pepper", "pepper"),
        ("(lang=de", ""),
        ("lang=de)", ")"),
        ("lang in (de,en", ""),
        ("not", ""),
        ("lang=de or", ""),
        ("year between 1", ""),
    ],
)
def test_what_is_no_filter_is_refused_with_the_forms_and_the_place(text: str, rest: str) -> None:
    with pytest.raises(FilterError) as told:
        parse_where(text)
    place = f" at {rest!r}" if rest else ""
    assert str(told.value) == f"The filter {text!r} can't be read{place}. Write {FORMS}"


@pytest.mark.parametrize("text", ["lang=", "lang in a,,b", "lang in a,"])
def test_a_condition_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match=r'gives no value; write "" for an empty text\.'):
        parse_where(text)


def read_or_told(text: str) -> Filter | str:
    try:
        return parse_where(text)
    except FilterError as error:
        return str(error)


@given(st.text())
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    answer = read_or_told(text)
    assert isinstance(answer, Filter) or answer.endswith(".")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_quoted_text_comes_back_as_it_was(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_where(f'lang="{quoted}"') == Compare("lang", "==", text)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (Compare("year", "==", 2024.0), True),
        (Compare("year", "==", "2024"), False),
        (Compare("year", "!=", "2024"), False),
        (Compare("draft", "==", True), True),
        (Compare("draft", "==", 1), False),
        (Compare("lang", "<", "en"), True),
        (Compare("missing", "!=", "x"), False),
        (Compare("none", "!=", "x"), False),
        (Not(Compare("missing", "!=", "x")), True),
        (Compare("id", "==", "docs/a.md"), True),
        (Compare("title", "==", "A"), True),
        (Compare("metadata.title", "==", "other"), True),
        (In("lang", ("en", "de")), True),
        (In("year", ("2024", True)), False),
        (Exists("lang"), True),
        (Exists("none"), False),
        (Exists("source"), True),
        (And((Exists("lang"), Exists("none"))), False),
        (Or((Exists("lang"), Exists("none"))), True),
    ],
)
def test_a_filter_matches_what_it_says(filter_: Filter, expected: bool) -> None:
    assert matches(filter_, DOCUMENT) is expected


def nested(levels: int) -> Filter:
    filter_: Filter = Exists("lang")
    for _ in range(levels):
        filter_ = Not(filter_)
    return filter_


@pytest.mark.parametrize(
    ("filter_", "told"),
    [
        (
            Compare("yeer", "==", 1),
            "No document has a field 'yeer'. The fields are: id, title, source, origin, draft, lang, year.",
        ),
        (
            Compare("year", "<", "2024"),
            "The field 'year' holds numbers, so it can't be compared with '2024'. "
            "Compare it with a number, without quotes.",
        ),
        (
            In("lang", ("de", 1)),
            "The field 'lang' holds texts, so it can't be compared with 1. "
            "A text goes in quotes; a date is written as 2024-03-01 or 2024-03.",
        ),
        (
            Compare("draft", "==", "yes"),
            "The field 'draft' holds flags, so it can't be compared with 'yes'. "
            "Compare it with true or false, without quotes.",
        ),
        (Compare("title", "<", 3), "The field title holds text, so it can't be compared with 3."),
        (
            Compare("year", "<", True),
            "year < True can't be: true and false have no order, use == or !=.",
        ),
        (
            Compare("year", "==", 2**53),
            "year can't be compared with 9007199254740992: a number lies between -2^53 and 2^53.",
        ),
        (
            Compare("year", "==", float("nan")),
            "year can't be compared with nan: a number lies between -2^53 and 2^53.",
        ),
        (
            Compare("lang", "==", "a\0"),
            r"The text for lang holds a character that no document can hold: 'a\x00'.",
        ),
        (
            Compare("lang", "==", "\ud800"),
            r"The text for lang holds a character that no document can hold: '\ud800'.",
        ),
        (
            Compare("lang", "==", "x" * 8_193),
            "The text for lang has 8,193 characters; it can have up to 8,192.",
        ),
        (In("lang", ()), "The filter gives 0 values for 'lang'; it can give 1 to 5,000."),
        (In("lang", ("a",) * 5_001), "The filter gives 5,001 values for 'lang'; it can give 1 to 5,000."),
        (And(()), "The filter gives 0 conditions; it can give 1 to 5,000."),
        (
            nested(21),
            "The filter is nested more than 20 levels deep. Write it with fewer levels.",
        ),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(filter_: Filter, told: str) -> None:
    with pytest.raises(FilterError) as refused:
        check(filter_, FIELDS)
    assert str(refused.value) == told


def test_a_sound_filter_passes_the_check() -> None:
    check(And((nested(19), Compare("id", "==", "x"), In("metadata.year", (1, 2.5)))), FIELDS)


@pytest.mark.parametrize("longest", ["x" * 8_192, "x" * 8_191 + "a", "x" * 8_191 + "z", "y"])
def test_of_a_long_text_no_more_is_stored_than_a_filter_can_ask_for(longest: str) -> None:
    whole = {"metadata": {"html": "x" * 100_000}}
    stored = {"metadata": stored_fields(whole)["text"]}
    assert len(stored["metadata"]["html"]) == 8_193
    for op in ("==", "!=", "<", "<=", ">", ">="):
        asked = Compare("html", op, longest)
        check(asked, {"html": {"str"}})
        assert matches(asked, stored) == matches(asked, whole)


def test_a_row_stores_its_metadata_apart_by_kind() -> None:
    assert stored_fields(DOCUMENT) == {
        "document_id": "docs/a.md",
        "title": "A",
        "source": "a.md",
        "origin": "/docs/a.md",
        "text": {"lang": "de", "title": "other"},
        "number": {"year": 2024, "0x446174652073656e74": 3},
        "flag": {"draft": True},
    }


def test_a_filter_reads_so_in_milvus() -> None:
    filter_ = And((Compare("lang", "==", 'a"b\\'), Not(Compare("year", "<", 3)), Compare("title", "!=", "A")))
    assert to_milvus(filter_) == (
        r'((fields["text"]["lang"] == "a\"b\\") and '
        '(((not exists fields["number"]["year"]) or (fields["number"]["year"] >= 3.0)) and '
        '(fields["title"] < "A" or fields["title"] > "A")))'
    )


@pytest.mark.parametrize("value", ["x" * 8_000, "🙂" * 8_000, '"' * 8_000, 2**61, True, 1e-300])
@pytest.mark.parametrize("key", ["column", "Spalte für Übergrößen", "日本"])
def test_a_row_has_at_most_the_bytes_that_a_server_takes(key: str, value: Any) -> None:
    wide = {**DOCUMENT, "title": "🙂" * 9_000, "metadata": {f"{key} {n}": value for n in range(6_000)}}
    stored = json.dumps(stored_fields(wide), ensure_ascii=False, separators=(",", ":")).encode()
    assert 32_000 < len(stored) <= 65_536


def test_a_row_without_room_for_all_keeps_the_shortest_fields() -> None:
    wide = {**DOCUMENT, "metadata": {"lang": "de", **{f"long{n}": "x" * (7_000 + n) for n in range(11)}}}
    assert unfit_fields(wide) == {"metadata.long9", "metadata.long10"}
    assert unfit_fields(DOCUMENT) == set()
    assert set(stored_fields(wide)["text"]) == {"lang", *(f"long{n}" for n in range(9))}


def test_a_filter_tells_what_it_asks_for() -> None:
    asked = Or((Compare("title", "==", "a"), Not(Exists("lang")), In("metadata.title", ("b",)), And((Exists("id"),))))
    assert asked_fields(asked) == {"title", "metadata.lang", "metadata.title", "id"}
