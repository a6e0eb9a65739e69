"""What texts have in common, for encoders whose vectors are bags of words: cos("cat", "cat cat dog") = 2/√5."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.errors import UnknownCollection, UsageError

Twinsearch = Callable[..., tuple[int, str, str]]


def test_two_texts_have_the_cosine_of_their_bags_of_words(noted: SearchApp) -> None:
    result = noted.similarity(["cat", "cat cat dog"], collection="docs")
    assert result.matrix[0][1] == pytest.approx(2 / math.sqrt(5), abs=1e-5)
    assert (result.measure, result.token_counts) == ("similarity", (3, 5))
    assert result.tokens == (("[CLS]", "cat", "[SEP]"), ("[CLS]", "cat", "cat", "dog", "[SEP]"))
    live = noted.catalog.collections.live("docs")
    assert live is not None
    assert (result.encoder, result.fingerprint) == (live.encoder_name, live.fingerprint)


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        ("cosine", 1.0),
        ("dot", 0.0),
        ("euclidean", math.sqrt(2)),
        ("squared-euclidean", 2.0),
        ("manhattan", 4 / math.sqrt(2)),  # each text is one word, with one +1 and one -1 before normalising
    ],
)
def test_an_energy_is_small_for_texts_that_mean_the_same(noted: SearchApp, energy: str, expected: float) -> None:
    matrix = noted.similarity(["cat", "bread", "cat"], collection="docs", energy=energy).matrix
    assert matrix[0][1] == pytest.approx(expected, abs=1e-5)
    assert matrix[0][2] == pytest.approx(-1 if energy == "dot" else 0, abs=1e-5)
    assert matrix[0][2] < matrix[0][1]


def test_another_encoder_compares_in_its_own_way(noted: SearchApp, encoders: Path) -> None:
    found = [
        noted.similarity(["kitten", "cat"], encoder=str(folder)).matrix[0][1]
        for folder in (encoders / "fluent", encoders / "literal")
    ]
    assert found == pytest.approx([1, 0], abs=1e-5)


def test_what_can_not_be_compared_is_refused(noted: SearchApp) -> None:
    with pytest.raises(UsageError, match=r"^Texts to compare: 1; expected 2 to 1,000\. Give that many\.$"):
        noted.similarity(["cat"], collection="docs")
    with pytest.raises(UsageError, match=r"^There is no energy 'warmth'; expected one of cosine, dot, "):
        noted.similarity(["cat", "dog"], collection="docs", energy="warmth")
    with pytest.raises(UnknownCollection):
        noted.similarity(["cat", "dog"], collection="nowhere")


def test_the_command_prints_the_number_and_by_whom(noted: SearchApp, run_on: Twinsearch) -> None:
    code, out, err = run_on(noted.home.path, "similarity", "cat", "cat cat dog", "-c", "docs")
    live = noted.catalog.collections.live("docs")
    assert live is not None
    by = f"encoder {live.encoder_name}, {live.fingerprint[:12]}"
    assert (code, out, err) == (0, f"0.8944  (cosine similarity, 1 is the same, {by})\n", "")


def test_the_command_prints_a_matrix_for_many(noted: SearchApp, run_on: Twinsearch) -> None:
    code, out, _ = run_on(noted.home.path, "similarity", "cat", "dog", "cat dog", "-c", "docs", "--energy", "dot")
    assert code == 0
    assert out.splitlines()[:4] == [
        "   1        2        3        text",
        "1  -1.0000  0.0000   -0.7071  cat",
        "2  0.0000   -1.0000  -0.7071  dog",
        "3  -0.7071  -0.7071  -1.0000  cat dog",
    ]


def test_texts_from_standard_input_are_lines(
    noted: SearchApp, run_on: Twinsearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lines").write_text("cat\n\ndog\n")
    with (tmp_path / "lines").open() as lines:
        monkeypatch.setattr("sys.stdin", lines)
        code, out, _ = run_on(noted.home.path, "similarity", "-", "-c", "docs", "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["texts"], result["measure"]) == (["cat", "dog"], "similarity")
    assert result["matrix"][0][1] == pytest.approx(0, abs=1e-5)
