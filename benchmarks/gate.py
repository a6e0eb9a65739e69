"""Whether the gate keeps bad encoders out and lets a good one in, on a retrieval collection.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.gate [--collection scifact] [--documents N] [--trainings 20]
        [--epochs N] [--work FOLDER] [--encoder NAME]

Each encoder gets a generation beside the one of the encoder as it is, and the gate compares them on the test queries:
one whose weights are shuffled, one that has collapsed, one trained on reversed labels, one trained on the train
queries' answers, and so many trained on answers drawn at random. Documents are all of the collection, or the judged
ones and others at random. Prints Markdown.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch

from benchmarks.figures import machine, table
from benchmarks.public_data import Collection, read_collection
from search_app.app import SearchApp
from search_app.catalog.judgements import Split
from search_app.config import DEFAULT_COLLECTION
from search_app.gate.verdict import Verdict
from search_app.requests import IngestRequest, ReindexRequest, TrainRequest
from search_app.twin.encoder import TwinEncoder

NOISE = "noise"
_LEFT = 0.001  # of what tells words apart, in an encoder that has collapsed


@dataclass(frozen=True, slots=True)
class Bench:
    """What is judged, and where: a folder in the layout of BEIR, how much of it, and how the encoders are trained."""

    app: SearchApp
    folder: Path
    work: Path
    document_count: int | None
    training_count: int
    epochs: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """An encoder, and what the gate said of it."""

    encoder: str
    verdict: Verdict


def main() -> None:
    """Fills a home, makes the encoders, asks the gate, and prints the tables."""
    parser = judging_parser("Ask the gate about encoders that are bad or good on purpose.")
    parser.add_argument("--trainings", type=int, default=20, help="Encoders trained on noise.")
    arguments = parser.parse_args()
    with opened(arguments, training_count=arguments.trainings) as bench:
        print(report(bench))


def judging_parser(description: str) -> argparse.ArgumentParser:
    """What every bench of encoders beside each other can be told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--collection", default="scifact", help="A folder of the data, in the layout of BEIR.")
    parser.add_argument("--documents", type=int, help="How many to search; all of them by default.")
    parser.add_argument("--epochs", type=int, help="Of every training; as usual by default.")
    parser.add_argument("--encoder", help="Another encoder than the default one.")
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


@contextmanager
def opened(arguments: argparse.Namespace, *, training_count: int = 0) -> Iterator[Bench]:
    """The bench in a home of its own, whose engine ends with it."""
    if arguments.data is None or not Path(arguments.data, arguments.collection).is_dir():
        sys.exit("There is no such test collection. Name their folder with --data or TWINSEARCH_BENCH_DATA.")
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-gate-")))
        app = stack.enter_context(SearchApp.open(work / "home", encoder=arguments.encoder))
        stack.callback(app.engine.stop)
        folder = Path(arguments.data, arguments.collection)
        yield Bench(app, folder, work, arguments.documents, training_count, arguments.epochs)


def report(bench: Bench) -> str:
    """A table of the encoders that are bad or good on purpose, one of the noise, and how often that went live."""
    bench.work.mkdir(parents=True, exist_ok=True)
    collection = read_collection(bench.folder)
    fill(bench, collection)
    named = [judge(bench, name, make) for name, make in MAKERS.items()]
    noise = [judge(bench, f"{NOISE}-{seed}", _noise(seed)) for seed in range(bench.training_count)]
    passed = sum(one.verdict.is_passed for one in noise)
    told = f"Of {len(noise)} trainings on noise the gate let {passed} go live."
    about = (
        f"{collection.name}, {bench.app.catalog.documents.count(1):,} documents, encoder {bench.app.settings.encoder}."
    )
    return "\n\n".join([_rows(named), _rows(noise), told, f"{about} {machine()}"])


def fill(bench: Bench, collection: Collection) -> None:
    """A collection with its judged queries: those of train to learn from, those of test held out."""
    if bench.app.catalog.collections.find(DEFAULT_COLLECTION) is not None:
        return
    file = bench.work / "documents.jsonl"
    kept = _documents(collection, bench.document_count)
    file.write_text("".join(json.dumps({"_id": one, "text": collection.passages[one]}) + "\n" for one in kept))
    bench.app.ingest(IngestRequest((str(file),), whole=True))
    for part, split in (("train", Split.TRAIN), ("test", Split.HELDOUT)):
        bench.app.import_judgements(bench.folder / "queries.jsonl", bench.folder / "qrels" / f"{part}.tsv", split=split)


def _documents(collection: Collection, count: int | None) -> list[str]:
    ids = list(collection.passages)
    if count is None:
        return ids
    judged = {one for part in collection.qrels.values() for grades in part.values() for one in grades}
    others = [one for one in ids if one not in judged]
    room = max(count - len(judged), 0)
    return [*(one for one in ids if one in judged), *Random(0).sample(others, min(room, len(others)))]


def judge(bench: Bench, name: str, make: "Maker") -> Judged:
    """The encoder, made unless it is there, with the gate's verdict on a generation of it, which is dropped."""
    if not bench.app.encoders.folder(name).is_dir():
        make(bench, name)
    number = bench.app.reindex(ReindexRequest(DEFAULT_COLLECTION, name)).generation.number
    verdict = bench.app.verdict(DEFAULT_COLLECTION, number)
    bench.app.drop_generation(DEFAULT_COLLECTION, number)
    return Judged(name, verdict)


# Encoders that are bad on purpose


def _shuffled(bench: Bench, name: str) -> None:
    """Each tensor's numbers in another order."""
    encoder, chance = _base(bench), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in encoder.network.parameters():
            order = torch.randperm(weights.numel(), generator=chance)
            weights.copy_(weights.flatten()[order].view_as(weights))
    encoder.save(bench.app.encoders.folder(name))


def _collapsed(bench: Bench, name: str) -> None:
    """All words nearly one."""
    encoder = _base(bench)
    with torch.no_grad():
        for tensor, weights in encoder.network.named_parameters():
            if tensor.endswith("word_embeddings.weight"):
                middle = weights.mean(dim=0)
                weights.copy_(middle + _LEFT * (weights - middle))
    encoder.save(bench.app.encoders.folder(name))


def _reversed(bench: Bench, name: str) -> None:
    """Trained to prefer another document to each query's answer."""
    collection = read_collection(bench.folder)
    chance, ids = Random(1), sorted(_held(bench))
    rows = []
    for query, answer in _answers(bench, collection):
        other = chance.choice([one for one in ids if collection.passages[one] != collection.passages[answer]])
        rows.append({"query": query, "positive": collection.passages[other], "negative": collection.passages[answer]})
    _train_on(bench, name, rows)


def _well_trained(bench: Bench, name: str) -> None:
    bench.app.run(TrainRequest(name, from_judgements=True, mine=True, epochs=bench.epochs))


def _noise(seed: int) -> "Maker":
    def make(bench: Bench, name: str) -> None:
        """Trained on answers drawn at random."""
        collection = read_collection(bench.folder)
        chance, ids = Random(seed), sorted(_held(bench))
        drawn = [(query, chance.choice(ids)) for query, _ in _answers(bench, collection)]
        rows = [{"query": query, "positive": collection.passages[one]} for query, one in drawn]
        _train_on(bench, name, rows, seed=seed)

    return make


Maker = Callable[[Bench, str], None]

MAKERS: Mapping[str, Maker] = {
    "shuffled": _shuffled,
    "collapsed": _collapsed,
    "reversed": _reversed,
    "trained": _well_trained,
}


def _train_on(bench: Bench, name: str, rows: Sequence[Mapping[str, str]], *, seed: int = 0) -> None:
    file = bench.work / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    bench.app.run(TrainRequest(name, pairs=str(file), epochs=bench.epochs, seed=seed))


def _answers(bench: Bench, collection: Collection) -> Iterator[tuple[str, str]]:
    """Each train query with one of its answers that the home holds."""
    held = _held(bench)
    for query, grades in collection.qrels["train"].items():
        answer = next((one for one, grade in grades.items() if grade > 0 and one in held), None)
        if answer is not None:
            yield query, answer


def _held(bench: Bench) -> set[str]:
    return {one.document_id for one in bench.app.judgements()}


def _base(bench: Bench) -> TwinEncoder:
    return TwinEncoder.load(
        bench.app.settings.encoder, device="cpu", precision="fp32", encoders_folder=bench.app.encoders.shelf
    )


def _rows(judged: Sequence[Judged]) -> str:
    columns = ("encoder", "ruling", "queries", "live nDCG@10", "candidate", "difference", "95 % interval", "p")
    return table(columns, [_row(one.encoder, one.verdict) for one in judged])


def _row(encoder: str, verdict: Verdict) -> tuple[str, ...]:
    live, candidate = (one.metrics["nDCG@10"] for one in (verdict.live, verdict.candidate))
    return (
        encoder,
        verdict.ruling.value + (", goes live" if verdict.is_passed else ", kept out"),
        f"{len(verdict.live.by_query):,}",
        f"{live:.4f}",
        f"{candidate:.4f}",
        f"{verdict.difference:+.4f}",
        f"{verdict.low:+.4f} to {verdict.high:+.4f}",
        "-" if verdict.p_value is None else f"{verdict.p_value:.4f}",
    )


if __name__ == "__main__":
    main()
