"""SciFact: trained on its train queries with mined negatives, measured on its test queries; and the cost elsewhere.

The negatives are what the untrained encoder finds for a train query though nobody judged it. NFCorpus is searched by
the encoder that was trained on SciFact: it shows what is forgotten.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import table
from benchmarks.measuring import passage_vectors, search_quality
from benchmarks.public_data import Collection, read_collection
from benchmarks.training.recipes import SCIFACT, SCIFACT_MINING
from benchmarks.training.tables import mean_and_spread, percent, seconds_of
from benchmarks.training.trainers import Bench, Run, run_all
from search_app.config import DEFAULT_ENCODER
from search_app.evaluation import GATE_METRIC, Evaluation, permutation_p
from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import AnsweredQuery, Example, Examples, Shape
from search_app.twin.negatives import Candidate, mine

_COLUMNS = ("nDCG@10, test", "scifact", "gain", "p", "nfcorpus", "gain", "seconds", "of the processor")


def report(bench: Bench) -> str:
    """A row for the encoder as it is, one for every run, and one for each trainer over its seeds."""
    learned, other = (read_collection(bench.data / name) for name in ("scifact", "nfcorpus"))
    vectors = bench.work / "vectors"
    base = TwinEncoder.load(DEFAULT_ENCODER, precision="fp32")
    examples = mined_examples(base, learned, passage_vectors(base, learned, vectors))
    runs = run_all(bench, "scifact", examples, SCIFACT)
    before = [search_quality(base, collection, vectors) for collection in (learned, other)]
    rows: list[Sequence[str]] = [
        (f"{DEFAULT_ENCODER}, untrained", _figure(before[0]), "", "", _figure(before[1]), "", "", "")
    ]
    gains = {}
    for run in runs:
        encoder = TwinEncoder.load(run.folder, precision="fp32")
        after = [search_quality(encoder, collection, vectors) for collection in (learned, other)]
        gains[run] = [Gain(*pair) for pair in zip(before, after, strict=True)]
        rows.append(_row(run, gains[run]))
    rows += [_mean(trainer, gains) for trainer in bench.trainers]
    return table(_COLUMNS, rows)


def mined_examples(base: TwinEncoder, collection: Collection, passages: Vectors) -> Examples:
    """The judged train queries, each with its answer and as many negatives as the recipe says.

    An answer for which fewer were found is left out, since sentence-transformers takes rows of one width only.
    """
    ids, texts = list(collection.passages), list(collection.passages.values())
    places = {text: place for place, text in enumerate(texts)}

    def search(queries: Sequence[str], k: int) -> list[list[Candidate]]:
        scores = base.encode(queries, kind="query") @ passages.T
        return [
            [Candidate(ids[place], texts[place], float(row[place])) for place in (-row).argsort()[:k]] for row in scores
        ]

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        queries = base.encode([query for query, _ in pairs], kind="query")
        answers = passages[[places[passage] for _, passage in pairs]]
        return [float(value) for value in (queries * answers).sum(axis=1)]

    mined = mine(_answered(collection), search, score, SCIFACT_MINING)
    return Examples(Shape.QUERIES, tuple(row for one in mined for row in one.examples if _is_whole(row)))


def _answered(collection: Collection) -> list[AnsweredQuery]:
    return [
        AnsweredQuery(query, {one: collection.passages[one] for one, grade in grades.items() if grade > 0})
        for query, grades in collection.qrels["train"].items()
    ]


def _is_whole(row: Example) -> bool:
    return len(row.texts) == 2 + SCIFACT_MINING.negatives


@dataclass(frozen=True, slots=True)
class Gain:
    """What training changed on one collection, query by query."""

    before: Evaluation
    after: Evaluation

    @property
    def differences(self) -> list[float]:
        """Of each query's metric."""
        return [self.after.by_query[query] - value for query, value in self.before.by_query.items()]

    @property
    def text(self) -> str:
        """Their mean in hundredths."""
        return f"{math.fsum(self.differences) / len(self.differences) * 100:+.2f}"


def _row(run: Run, gains: Sequence[Gain]) -> tuple[str, ...]:
    learned, other = gains
    p_value = permutation_p(learned.differences)
    return (
        f"trained by {run.trainer}, seed {run.seed}",
        _figure(learned.after),
        learned.text,
        "" if p_value is None else f"{p_value:.4f}",
        _figure(other.after),
        other.text,
        *seconds_of([run]),
    )


def _mean(trainer: str, gains: dict[Run, list[Gain]]) -> tuple[str, ...]:
    own = [run for run in gains if run.trainer == trainer]
    figures = [[gains[run][place].after.metrics[GATE_METRIC] for run in own] for place in (0, 1)]
    return (
        f"mean of {trainer}",
        mean_and_spread(figures[0]),
        "",
        "",
        mean_and_spread(figures[1]),
        "",
        *seconds_of(own),
    )


def _figure(evaluation: Evaluation) -> str:
    return percent(evaluation.metrics[GATE_METRIC])
