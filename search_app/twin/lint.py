"""What is wrong with examples, before time is spent on them.

An error makes training meaningless and stops it; a warning says what the figures will suffer from. Every rule looks
at all rows and names how many break it, and one of them. Whoever adds a rule adds a row to `RULES`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from search_app.errors import TrainingError
from search_app.twin.examples import RANKED, Example, Examples, Shape, same_text, shared_words
from search_app.twin.findings import Finding, Severity
from search_app.twin.tokenizer import without_surrogates

_LABEL_RANGES = {Shape.LABELLED_PAIRS: (0.0, 1.0), Shape.SCORED_PAIRS: (-1.0, 1.0)}
_PAIRS = frozenset({Shape.LABELLED_PAIRS, Shape.SCORED_PAIRS, Shape.CLASSIFIED_PAIRS})
_LOW_SCORE = 0.3  # of two equal texts: the scale is likely turned round
_FEWEST_TO_CORRELATE = 20
_AGAINST_WORDS = -0.2  # rank correlation of labels with common words; in STS data it is near +0.6
_SAMPLE_CHARACTERS = 60

TokenCounts = Callable[[Sequence[str]], Sequence[int]]
Broken = Iterator[tuple[str, Sequence[Example]]]  # what is wrong, and the rows of which that holds


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for; `advice` says what to do about the rows that break it."""

    name: str
    severity: Severity
    advice: str
    broken: Callable[[Examples], Broken]


def lint(examples: Examples, token_counts: TokenCounts, *, max_tokens: int) -> list[Finding]:
    """All findings, errors first; those made while the examples were gathered are among them.

    Args:
        token_counts: Of each of many texts, as the encoder to be trained counts.
        max_tokens: Where training cuts a text.
    """
    found = [
        Finding(rule.severity, rule.name, what, len(rows), _sample(rows[0].texts[0]), rule.advice)
        for rule in RULES
        for what, rows in rule.broken(examples)
        if rows
    ]
    found += [*_truncated(examples, token_counts, max_tokens), *examples.provenance.findings]
    return sorted(found, key=lambda finding: finding.severity is Severity.WARNING)


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise TrainingError, naming all errors among the findings, when there is one."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        listed = "; ".join(f"{one.what} ({one.count}, such as {one.sample!r})" for one in errors)
        raise TrainingError(f"The examples can't be trained on: {listed}. Mend or remove these rows.")


def _sample(text: str) -> str:
    """The beginning of a text, as a report can hold it."""
    return without_surrogates(text[:_SAMPLE_CHARACTERS])


def _all_rows(examples: Examples) -> tuple[Example, ...]:
    return (*examples.rows, *examples.held_out)


def _empty(examples: Examples) -> Broken:
    yield "a text is empty", [row for row in _all_rows(examples) if not all(text.strip() for text in row.texts)]


def _contradicting(examples: Examples) -> Broken:
    """Negatives that answer the row's own query, as its positive or as that of another row."""
    if examples.shape not in RANKED:
        return
    positives: defaultdict[str, set[str]] = defaultdict(set)
    for row in _all_rows(examples):
        positives[same_text(row.texts[0])].add(same_text(row.texts[1]))
    own, foreign = [], []
    for row in _all_rows(examples):
        negatives = set(map(same_text, row.texts[2:]))
        if same_text(row.texts[1]) in negatives:
            own.append(row)
        elif not positives[same_text(row.texts[0])].isdisjoint(negatives):
            foreign.append(row)
    yield "a negative equals the positive", own
    yield "a negative is a positive of the same query in another row", foreign


def _out_of_range(examples: Examples) -> Broken:
    lowest, highest = _LABEL_RANGES.get(examples.shape, (0.0, len(examples.classes) - 1.0))
    rows = [row for row in _all_rows(examples) if row.label is not None and not lowest <= row.label <= highest]
    yield f"a label lies outside of {lowest:g} to {highest:g}", rows


def _constant(examples: Examples) -> Broken:
    rows = [row for row in _all_rows(examples) if row.label is not None]
    yield "all labels are the same", rows if len({row.label for row in rows}) == 1 else []


def _turned_round(examples: Examples) -> Broken:
    """Scores that are low for equal texts, or that fall as texts have more words in common."""
    if examples.shape not in (Shape.SCORED_PAIRS, Shape.LABELLED_PAIRS):
        return
    equal = [row for row in examples.rows if same_text(row.texts[0]) == same_text(row.texts[1])]
    low = [row for row in equal if (row.label or 0.0) < _LOW_SCORE]
    yield "equal texts have a low score; the scale may be turned round", low
    correlation = _correlation_with_words(examples.rows)
    if correlation < _AGAINST_WORDS:
        what = f"scores fall as texts share more words (rank correlation {correlation:.2f}); the scale may be reversed"
        yield what, examples.rows


def _correlation_with_words(rows: Sequence[Example]) -> float:
    """Spearman between labels and the share of common words; 0 where there is too little to say."""
    if len(rows) < _FEWEST_TO_CORRELATE:
        return 0.0
    labels = rankdata([row.label or 0.0 for row in rows])
    common = rankdata([shared_words(*row.texts[:2]) for row in rows])
    if np.ptp(labels) == 0 or np.ptp(common) == 0:
        return 0.0
    return float(np.corrcoef(labels, common)[0, 1])


def _duplicates(examples: Examples) -> Broken:
    keys = [(row.label, *map(same_text, row.texts)) for row in examples.rows]
    counts = Counter(keys)
    yield (
        "a row is there more than once",
        [row for row, key in zip(examples.rows, keys, strict=True) if counts[key] > 1],
    )


def _disagreeing(examples: Examples) -> Broken:
    if examples.shape in _PAIRS or examples.shape is Shape.CLASSES:
        labels: defaultdict[tuple[str, ...], set[float | None]] = defaultdict(set)
        for row in examples.rows:
            labels[tuple(map(same_text, row.texts))].add(row.label)
        rows = [row for row in examples.rows if len(labels[tuple(map(same_text, row.texts))]) > 1]
        yield "the same texts have different labels", rows


def _many_positives(examples: Examples) -> Broken:
    if examples.shape in RANKED:
        positives: defaultdict[str, set[str]] = defaultdict(set)
        for row in examples.rows:
            positives[same_text(row.texts[0])].add(same_text(row.texts[1]))
        rows = [row for row in examples.rows if len(positives[same_text(row.texts[0])]) > 1]
        yield "a query has several positives; they never share a batch", rows


def _overlap(examples: Examples) -> Broken:
    """Held-out rows whose anchor is trained on, or whose two texts are, the other way round."""
    anchors = {same_text(row.texts[0]) for row in examples.rows}
    pairs = {frozenset(map(same_text, row.texts)) for row in examples.rows} if examples.shape in _PAIRS else set()
    rows = [
        row
        for row in examples.held_out
        if same_text(row.texts[0]) in anchors or frozenset(map(same_text, row.texts)) in pairs
    ]
    yield "a held-out text is trained on too; its figures flatter", rows


def _truncated(examples: Examples, token_counts: TokenCounts, max_tokens: int) -> Iterator[Finding]:
    texts = list(dict.fromkeys(text for row in examples.rows for text in row.texts))
    counts = token_counts(texts)
    cut = [text for text, count in zip(texts, counts, strict=True) if count > max_tokens]
    lost = sum(max(count - max_tokens, 0) for count in counts)
    if cut:
        what = f"a text is cut at {max_tokens} tokens; {lost / sum(counts):.0%} of all tokens are lost"
        advice = "Raise the setting max_tokens, if the encoder reads more, or cut long texts into passages."
        yield Finding(Severity.WARNING, "truncated", what, len(cut), _sample(cut[0]), advice)


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
RULES = (
    Rule("empty", _ERROR, "Fill in the text or remove the row.", _empty),
    Rule("contradicting", _ERROR, "Remove the passage from the negatives.", _contradicting),
    Rule("out-of-range", _ERROR, "Mend the labels, or state their range with --score-range.", _out_of_range),
    Rule("constant", _ERROR, "Add rows with other labels: what is always the same teaches nothing.", _constant),
    Rule(
        "turned-round",
        _WARNING,
        "Look at some rows: 1 must mean alike. Turn the scores round if it doesn't.",
        _turned_round,
    ),
    Rule("duplicates", _WARNING, "Remove the copies: each is learned as often as it is there.", _duplicates),
    Rule("disagreeing", _WARNING, "Decide on one label for them.", _disagreeing),
    Rule(
        "many-positives",
        _WARNING,
        "Nothing must be done; but queries with very many of them weigh more than others.",
        _many_positives,
    ),
    Rule("overlap", _WARNING, "Remove these rows from one of the two parts.", _overlap),
)
