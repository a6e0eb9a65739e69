"""A training file of mined examples: query, positive, negative_1 and so on, one JSON object a line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from search_app.errors import UsageError
from search_app.twin.examples import Example
from search_app.twin.negatives import MinedQuery


@dataclass(frozen=True, slots=True)
class MineOutcome:
    """What was mined: the files, and how much is in them; `counts` says how many examples came from what."""

    out: str
    suspects_file: str
    query_count: int
    example_count: int
    negative_count: int
    suspected_count: int
    counts: Mapping[str, int] = field(default_factory=dict)


def write_mined(path: Path, mined: Iterable[MinedQuery]) -> MineOutcome:
    """Writes the examples as they come; the file is complete or, as before, not there.

    Raises:
        UsageError: The file's name doesn't end in .jsonl, or it can't be written.
    """
    if path.suffix != ".jsonl":
        raise UsageError(f"The mined examples can't be written to {str(path)!r}; name a file that ends in .jsonl.")
    queries = examples = negatives = suspected = 0
    aside = path.with_suffix(".new")
    try:
        with aside.open("w", encoding="utf-8", errors="backslashreplace") as file:  # a lone surrogate as JSON has it
            for one in mined:
                for row in one.examples:
                    print(json.dumps(_line(row), ensure_ascii=False), file=file)
                queries, examples = queries + 1, examples + len(one.examples)
                negatives += sum(len(row.texts) - 2 for row in one.examples)
                suspected += len(one.suspected)
        aside.replace(path)
    except OSError as error:
        raise UsageError(f"The mined examples can't be written to {str(path)!r}: {error.strerror}.") from error
    return MineOutcome(str(path), "", queries, examples, negatives, suspected)


def _line(row: Example) -> dict[str, str]:
    query, positive, *negatives = row.texts
    numbered = {f"negative_{number}": text for number, text in enumerate(negatives, 1)}
    return {"query": query, "positive": positive} | numbered
