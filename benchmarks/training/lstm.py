"""An encoder from nothing: an LSTM learns from the default encoder what texts mean, then from scored pairs.

Its texts are those of the train parts, and what the collections' documents are called, without any text of the STS
benchmark's dev and test parts. Speed is texts a second, both encoders in float32 on the same threads, turn by turn.
"""

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import table
from benchmarks.measuring import correlation
from benchmarks.public_data import read_collection, read_table, sts_pairs, sts_rows, sts_test
from benchmarks.training.recipes import DISTILLATION, LSTM, LSTM_STS
from benchmarks.training.tables import mean_and_spread, percent
from benchmarks.training.trainers import Bench
from ingest.progress import unheard
from search_app.config import DEFAULT_ENCODER
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Example, Examples, Shape, same_text
from search_app.twin.lstm import begin_lstm
from search_app.twin.training import TrainingReport, TrainingSettings, train

_COLUMNS = ("STS benchmark, test", "Spearman", "seconds of training", "short texts/s", "passages/s")
_COLLECTIONS = ("scifact", "nfcorpus", "stackfaq")
_FEWEST_WORDS = 3
_PAIR = ("sentence1", "sentence2")
_ROUNDS = 3  # of timing; the best counts
_TIMED_PASSAGES = 400


def report(bench: Bench) -> str:
    """Rows for the default encoder, for the LSTM after each of its trainings, and for how much faster it is."""
    pairs = sts_test(bench.data)
    teacher = TwinEncoder.load(DEFAULT_ENCODER, precision="fp32")
    students = [trained_lstm(bench, seed) for seed in bench.seeds]
    taught, tuned = ([TwinEncoder.load(runs[place][0], precision="fp32") for runs in students] for place in (0, 1))
    figures = [[correlation(encoder, pairs) for encoder in encoders] for encoders in (taught, tuned)]
    seconds = [statistics.fmean(runs[place][1].seconds for runs in students) for place in (0, 1)]
    speeds = _speeds(bench, [teacher, tuned[0]])
    ratios = [f"{student / own:.1f} x" for own, student in zip(*speeds, strict=True)]
    rows = [
        (f"{DEFAULT_ENCODER}", percent(correlation(teacher, pairs)), "", *map("{:.0f}".format, speeds[0])),
        ("LSTM, taught by it", mean_and_spread(figures[0]), f"{seconds[0]:.0f}", "", ""),
        (
            "LSTM, then trained on pairs",
            mean_and_spread(figures[1]),
            f"{seconds[1]:.0f}",
            *map("{:.0f}".format, speeds[1]),
        ),
        ("LSTM beside the default encoder", "", "", *ratios),
    ]
    return table(_COLUMNS, rows)


def trained_lstm(bench: Bench, seed: int) -> list[tuple[Path, TrainingReport]]:
    """Folder and report of the LSTM after distillation, and after the scored pairs."""
    texts = list(dict.fromkeys(training_texts(bench.data)))
    begun = begin_lstm(texts, replace(LSTM, seed=seed))
    lessons = Examples(Shape.TEXTS, tuple(Example((text,)) for text in texts))
    teaching = replace(DISTILLATION, teacher=DEFAULT_ENCODER)
    taught = _train(bench, begun, lessons, teaching, f"lstm-taught-{seed}", seed)
    tuned = _train(bench, taught[0], sts_pairs(bench.data), LSTM_STS, f"lstm-sts-{seed}", seed)
    return [taught, tuned]


def _train(
    bench: Bench, base: TwinEncoder | Path, examples: Examples, settings: TrainingSettings, name: str, seed: int
) -> tuple[Path, TrainingReport]:
    folder = bench.work / name
    chosen = replace(settings, seed=seed, max_steps=bench.max_steps)
    checkpoints = folder.with_suffix(".checkpoints")
    return folder, train(base, examples, chosen, folder, report=unheard, checkpoints=checkpoints)


def training_texts(data: Path) -> Iterator[str]:
    """Short texts of the train parts and the collections' titles, none in the STS benchmark's dev or test part."""
    tests = [row for row in sts_rows(data) if row["split"] != "train"]
    barred = {same_text(row[column]) for row in tests for column in _PAIR}
    pairs = [text for row in sts_pairs(data).rows for text in row.texts]
    messages = [row["text"] for row in read_table(data / "banking77" / "intents.csv") if row["split"] == "train"]
    captions = [row[column] for row in read_table(data / "snli-devtest" / "pairs.csv") for column in _PAIR]
    for text in (*pairs, *messages, *captions, *_titles(data)):
        if len(text.split()) >= _FEWEST_WORDS and same_text(text) not in barred:
            yield text


def _titles(data: Path) -> Iterator[str]:
    for name in _COLLECTIONS:
        with (data / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            yield from (json.loads(line)["title"] for line in lines)


def _speeds(bench: Bench, encoders: list[TwinEncoder]) -> list[list[float]]:
    """Texts a second of each encoder, for sentences and for passages."""
    passages = list(read_collection(bench.data / "scifact").passages.values())[:_TIMED_PASSAGES]
    sentences = [text for pair in sts_test(bench.data) for text in pair.texts]
    best = [[0.0, 0.0] for _ in encoders]
    for _ in range(_ROUNDS):
        for place, encoder in enumerate(encoders):
            for column, texts in enumerate((sentences, passages)):
                begun = time.perf_counter()
                encoder.encode(texts)
                best[place][column] = max(best[place][column], len(texts) / (time.perf_counter() - begun))
    return best
