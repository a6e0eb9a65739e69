"""What is wrong with examples, before time is spent on them.

An error makes training meaningless and stops it; a warning says what the figures will suffer from. Every check looks
at all rows and names how many it found, and one of them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from search_app.errors import TrainingError
from search_app.twin.examples import RANKED, Example, Examples, Shape, same_text

_LABEL_RANGES = {Shape.LABELLED_PAIRS: (0.0, 1.0), Shape.SCORED_PAIRS: (-1.0, 1.0)}
_LOW_SCORE = 0.3  # of two equal texts: the scale is likely turned round
_SAMPLE_CHARACTERS = 60


class Severity(StrEnum):
    """Whether a finding stops the training."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` rows or texts to which `what` applies; `sample` is the beginning of one of them."""

    severity: Severity
    what: str
    count: int
    sample: str


def lint(examples: Examples, count_tokens: Callable[[str], int], *, max_tokens: int) -> list[Finding]:
    """All findings, errors first.

    Args:
        count_tokens: Of a text, as the encoder to be trained counts.
        max_tokens: Where training cuts a text.
    """
    findings = [found for check in _CHECKS for found in check(examples)]
    findings += _truncated(examples, count_tokens, max_tokens)
    return sorted(findings, key=lambda finding: finding.severity is Severity.WARNING)


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise TrainingError, naming all errors among the findings, when there is one."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        listed = "; ".join(f"{one.what} ({one.count}, such as {one.sample!r})" for one in errors)
        raise TrainingError(f"The examples can't be trained on: {listed}. Mend or remove these rows.")


def _finding(severity: Severity, what: str, rows: Sequence[Example]) -> Iterator[Finding]:
    if rows:
        yield Finding(severity, what, len(rows), rows[0].texts[0][:_SAMPLE_CHARACTERS])


def _all_rows(examples: Examples) -> tuple[Example, ...]:
    return (*examples.rows, *examples.held_out)


def _empty(examples: Examples) -> Iterator[Finding]:
    rows = [row for row in _all_rows(examples) if not all(text.strip() for text in row.texts)]
    yield from _finding(Severity.ERROR, "a text is empty", rows)


def _contradicting(examples: Examples) -> Iterator[Finding]:
    if examples.shape in RANKED:
        rows = [row for row in _all_rows(examples) if same_text(row.texts[1]) in map(same_text, row.texts[2:])]
        yield from _finding(Severity.ERROR, "a negative equals the positive", rows)


def _labels(examples: Examples) -> Iterator[Finding]:
    rows = [row for row in _all_rows(examples) if row.label is not None]
    lowest, highest = _LABEL_RANGES.get(examples.shape, (0.0, len(examples.classes) - 1.0))
    wrong = [row for row in rows if row.label is None or not lowest <= row.label <= highest]
    yield from _finding(Severity.ERROR, f"a label lies outside of {lowest:g} to {highest:g}", wrong)
    if len({row.label for row in rows}) == 1:
        yield from _finding(Severity.ERROR, "all labels are the same", rows)


def _turned_round(examples: Examples) -> Iterator[Finding]:
    if examples.shape is Shape.SCORED_PAIRS:
        rows = [
            row
            for row in examples.rows
            if same_text(row.texts[0]) == same_text(row.texts[1]) and (row.label or 0.0) < _LOW_SCORE
        ]
        yield from _finding(Severity.WARNING, "equal texts have a low score; the scale may be turned round", rows)


def _duplicates(examples: Examples) -> Iterator[Finding]:
    counts = Counter(tuple(map(same_text, row.texts)) for row in examples.rows)
    rows = [row for row in examples.rows if counts[tuple(map(same_text, row.texts))] > 1]
    yield from _finding(Severity.WARNING, "a row is there more than once", rows)


def _many_positives(examples: Examples) -> Iterator[Finding]:
    if examples.shape in RANKED:
        positives: defaultdict[str, set[str]] = defaultdict(set)
        for row in examples.rows:
            positives[same_text(row.texts[0])].add(same_text(row.texts[1]))
        rows = [row for row in examples.rows if len(positives[same_text(row.texts[0])]) > 1]
        yield from _finding(Severity.WARNING, "a query has several positives; they never share a batch", rows)


def _overlap(examples: Examples) -> Iterator[Finding]:
    anchors = {same_text(row.texts[0]) for row in examples.rows}
    rows = [row for row in examples.held_out if same_text(row.texts[0]) in anchors]
    yield from _finding(Severity.WARNING, "a held-out text is trained on too; its figures flatter", rows)


def _truncated(examples: Examples, count_tokens: Callable[[str], int], max_tokens: int) -> Iterator[Finding]:
    texts = list(dict.fromkeys(text for row in examples.rows for text in row.texts))
    counts = [count_tokens(text) for text in texts]
    cut = [text for text, count in zip(texts, counts, strict=True) if count > max_tokens]
    lost = sum(max(count - max_tokens, 0) for count in counts)
    if cut:
        what = f"a text is cut at {max_tokens} tokens; {lost / sum(counts):.0%} of all tokens are lost"
        yield Finding(Severity.WARNING, what, len(cut), cut[0][:_SAMPLE_CHARACTERS])


_CHECKS: tuple[Callable[[Examples], Iterator[Finding]], ...] = (
    _empty,
    _contradicting,
    _labels,
    _turned_round,
    _duplicates,
    _many_positives,
    _overlap,
)
