"""Whether a preview's interval holds what the gate finds once the generation is built.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.preview [--collection scifact] [--documents N] [--queries 100]
        [--seeds 10] [--epochs N] [--work FOLDER] [--encoder NAME]

An encoder is trained on the train queries' answers and previewed on so many test queries, drawn anew for each seed.
Then its generation is built, and the gate compares both on the same queries. Prints Markdown.
"""

from dataclasses import dataclass
from random import Random

from benchmarks.figures import machine, table
from benchmarks.gate import MAKERS, Bench, fill, judging_parser, opened
from benchmarks.public_data import read_collection
from search_app.app import SearchApp
from search_app.config import DEFAULT_COLLECTION
from search_app.gate.preview import Preview
from search_app.gate.terms import SwitchTerms
from search_app.gate.verdict import Verdict
from search_app.requests import ReindexRequest

_ENCODER = "trained"


@dataclass(frozen=True, slots=True)
class Pair:
    """What was predicted on the queries of a seed, and what came out."""

    seed: int
    preview: Preview
    verdict: Verdict

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the difference that the gate found."""
        return self.preview.decision.low <= self.verdict.difference <= self.preview.decision.high


def main() -> None:
    """Fills a home, trains, previews, builds, compares, and prints the table."""
    parser = judging_parser("Hold previews against what the gate finds.")
    parser.add_argument("--queries", type=int, default=100, help="Held-out queries of a preview.")
    parser.add_argument("--seeds", type=int, default=10, help="Draws of queries.")
    arguments = parser.parse_args()
    with opened(arguments) as bench:
        print(report(bench, arguments.seeds, arguments.queries))


def report(bench: Bench, seed_count: int, query_count: int) -> str:
    """A row for each seed, and how often the interval held."""
    bench.work.mkdir(parents=True, exist_ok=True)
    collection = read_collection(bench.folder)
    fill(bench, collection)
    if not bench.app.encoders.folder(_ENCODER).is_dir():
        MAKERS[_ENCODER](bench, _ENCODER)
    qrels, count = collection.qrels["test"], min(query_count, len(collection.qrels["test"]))
    draws = [Random(seed).sample(sorted(qrels), count) for seed in range(seed_count)]
    pairs = _pairs(bench.app, [SwitchTerms(qrels={query: qrels[query] for query in drawn}) for drawn in draws])
    held = sum(pair.is_covered for pair in pairs)
    told = f"The interval held what came out in {held} of {len(pairs)} draws of {count} queries."
    return "\n\n".join([_rows(pairs), told, f"{collection.name}, {machine()}"])


def _pairs(app: SearchApp, terms: list[SwitchTerms]) -> list[Pair]:
    """All previews before anything is built, and then the verdicts."""
    previews = [app.preview(DEFAULT_COLLECTION, _ENCODER, one) for one in terms]
    number = app.reindex(ReindexRequest(DEFAULT_COLLECTION, _ENCODER)).generation.number
    verdicts = [app.verdict(DEFAULT_COLLECTION, number, one) for one in terms]
    app.drop_generation(DEFAULT_COLLECTION, number)
    return [Pair(seed, *pair) for seed, pair in enumerate(zip(previews, verdicts, strict=True))]


def _rows(pairs: list[Pair]) -> str:
    columns = ("draw", "chunks encoded", "predicted", "95 % interval", "came out", "held")
    return table(columns, [_row(pair) for pair in pairs])


def _row(pair: Pair) -> tuple[str, ...]:
    found = pair.preview.decision
    return (
        str(pair.seed),
        f"{pair.preview.encoded_count:,}",
        f"{found.difference:+.4f}",
        f"{found.low:+.4f} to {found.high:+.4f}",
        f"{pair.verdict.difference:+.4f}",
        "yes" if pair.is_covered else "no",
    )


if __name__ == "__main__":
    main()
