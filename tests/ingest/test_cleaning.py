import datetime
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cleaning import clean_line, clean_metadata, clean_text


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("one\r\ntwo\rthree\u2028four\fsix", "one\ntwo\nthree\nfour\nsix"),
        ("a\n\n\n \t\n\nb\n\nc", "a\n\nb\n\nc"),
        ("\ufeff  \n tab\tstays, bell\x07 and nul\x00 go\n\n", "tab\tstays, bell and nul go"),
        ("half a pair \ud83d goes", "half a pair  goes"),
        ("cafe\u0301", "café"),
    ],
)
def test_text_is_cleaned(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.characters(), max_size=60))
def test_cleaning_twice_is_cleaning_once_and_gives_storable_nfc(raw: str) -> None:
    once = clean_text(raw)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once.encode("utf-8").decode("utf-8") == once


def test_a_line_has_no_line_ends() -> None:
    assert clean_line(" How to\n install\t it ") == "How to install it"


def test_metadata_values_become_scalars() -> None:
    raw = {
        "none": None,
        "yes": True,
        "count": 3,
        "huge": 2**70,
        "price": 1.5,
        "nan": float("nan"),
        "endless": float("inf"),
        "tags": ["é", 1],
        "parts": {"a": datetime.date(2024, 5, 1)},
        "day": datetime.date(2024, 5, 1),
        "time": datetime.datetime(2024, 5, 1, 12, 30),
    }
    assert clean_metadata(raw) == {
        "none": None,
        "yes": True,
        "count": 3,
        "huge": "1180591620717411303424",
        "price": 1.5,
        "nan": None,
        "endless": None,
        "tags": '["é", 1]',
        "parts": '{"a": "2024-05-01"}',
        "day": "2024-05-01",
        "time": "2024-05-01T12:30:00",
    }


def test_of_names_that_are_the_same_when_cleaned_none_is_lost() -> None:
    raw = {"Name": 1, "Name ": 2, "Name (2)": 3, "\ufeffName": 4, "na\u00efve": 5, "nai\u0308ve": 6, "": 7, " ": 8}
    names = ["Name", "Name (2)", "Name (2) (2)", "Name (3)", "na\u00efve", "na\u00efve (2)", "", "(2)"]
    assert clean_metadata(raw) == dict(zip(names, range(1, 9), strict=True))
