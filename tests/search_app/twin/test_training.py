import json
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from ingest.progress import Progress, unheard
from search_app.errors import Cancelled, TrainingError
from search_app.twin.checkpoints import complete_checkpoints, step_of
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Example, Examples, Shape, query_positive
from search_app.twin.objectives import OBJECTIVES
from search_app.twin.training import TrainingReport, TrainingSettings, train

ANSWERS = {
    "fox": "wood",
    "dog": "lazy",
    "copy": "folder",
    "engine": "query",
    "people": "network",
    "bread": "flour",
    "rain": "roof",
    "cat": "fire",
}
SETTINGS = TrainingSettings(epochs=4, batch_size=8, learning_rate=1e-3, device="cpu", held_out_share=0.2)


pytestmark = pytest.mark.usefixtures("untried")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A tiny network is slower on many threads, far slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def toy_queries() -> Examples:
    """Whoever asks for a word means the passage that holds it and its partner; how they ask doesn't matter."""
    rows = [
        query_positive(f"{opening} {word}", f"the {answer} {word}")
        for word, answer in ANSWERS.items()
        for opening in ("first a", "when the", "then", "from the", "over a")
    ]
    return Examples(Shape.QUERIES, tuple(rows))


@pytest.fixture
def wordy_encoder_folder(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    """The tiny encoder with a fixed list of words and weights, so that it learns the same way in every run."""
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "wordy")
    definition = json.loads((folder / "tokenizer.json").read_text())
    words = sorted({word for row in toy_queries().rows for text in row.texts for word in text.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    numbers = {word: number for number, word in enumerate(vocabulary)}
    definition["model"] = {"type": "WordLevel", "vocab": numbers, "unk_token": "[UNK]"}
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    config = BertConfig.from_pretrained(folder, vocab_size=len(vocabulary))
    with torch.random.fork_rng():
        torch.manual_seed(11)
        BertModel(config).save_pretrained(folder)
    return folder


def trained(base: Path, place: Path, examples: Examples, settings: TrainingSettings = SETTINGS) -> TrainingReport:
    return train(base, examples, settings, place / "out", report=unheard, checkpoints=place / "checkpoints")


def weights(folder: Path) -> dict[str, Tensor]:
    return TwinEncoder.load(folder, device="cpu", precision="fp32").network.state_dict()


def assert_bit_equal(one: Path, other: Path) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.slow
def test_training_lowers_the_loss_and_ranks_held_out_queries_better(wordy_encoder_folder: Path, tmp_path: Path) -> None:
    settings = TrainingSettings(epochs=30, batch_size=8, learning_rate=3e-3, device="cpu", held_out_share=0.2)
    report = trained(wordy_encoder_folder, tmp_path, toy_queries(), settings)
    assert report.loss == "in-batch-negatives"
    assert (report.example_count, report.held_out_count) == (32, 8)
    assert report.loss_curve[-1][1] < report.loss_curve[0][1] / 2
    assert report.after["loss"] < report.before["loss"] / 2
    assert report.before["RR@10"] < 0.7 < 0.9 < report.after["RR@10"]
    assert report.after == dict(report.held_out_curve)[report.best_step]


def test_the_new_encoder_lies_there_with_its_report_and_the_base_is_as_it_was(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    base_before = TwinEncoder.load(tiny_encoder_folder).fingerprint
    report = trained(tiny_encoder_folder, tmp_path, toy_queries())
    stored = json.loads((tmp_path / "out" / "report.json").read_text())
    assert stored == json.loads(json.dumps(asdict(report)))
    assert TwinEncoder.load(tmp_path / "out").fingerprint == report.fingerprint
    assert TwinEncoder.load(tiny_encoder_folder).fingerprint == base_before == report.base_fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # the checkpoints have served


def test_every_step_is_reported_and_nothing_is_printed(
    tiny_encoder_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[Progress] = []
    train(
        tiny_encoder_folder,
        toy_queries(),
        SETTINGS,
        tmp_path / "out",
        report=heard.append,
        checkpoints=tmp_path / "checkpoints",
    )
    total = heard[0].total
    assert total is not None
    assert [replace(one, note="") for one in heard] == [
        Progress("train", step, total, "steps") for step in range(total + 1)
    ]
    assert heard[0].note == ""
    assert all(re.fullmatch(r"loss \d+\.\d{4}, [\d,]+\.\d examples/s", one.note) for one in heard[1:])
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_run_that_was_killed_ends_with_the_weights_of_an_undisturbed_one(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    trained(tiny_encoder_folder, undisturbed, toy_queries())
    script = f"""
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_training import SETTINGS, toy_queries
from search_app.twin.training import train

def kill_in_the_middle(progress):
    if progress.done == 13:
        os.kill(os.getpid(), signal.SIGKILL)

place = Path({str(killed)!r})
train(Path({str(tiny_encoder_folder)!r}), toy_queries(), SETTINGS, place / "out",
      report=kill_in_the_middle, checkpoints=place / "checkpoints")
"""
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert not (killed / "out").exists()
    newest = step_of(complete_checkpoints(killed / "checkpoints")[-1])
    assert 0 < newest < 13
    heard: list[Progress] = []
    train(
        tiny_encoder_folder,
        toy_queries(),
        SETTINGS,
        killed / "out",
        report=heard.append,
        checkpoints=killed / "checkpoints",
    )
    assert heard[0].done == newest
    assert_bit_equal(undisturbed / "out", killed / "out")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_space_for_a_checkpoint_the_run_stops_and_goes_on_when_there_is_space(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    full, roomy = tmp_path / "full", tmp_path / "roomy"
    trained(tiny_encoder_folder, roomy, toy_queries())
    with (
        files_up_to(50_000),
        pytest.raises(TrainingError, match=r"The checkpoint of step 5 can't be written to .*no checkpoint"),
    ):
        trained(tiny_encoder_folder, full, toy_queries())
    assert list((full / "checkpoints").glob("checkpoint-*")) == []
    trained(tiny_encoder_folder, full, toy_queries())
    assert_bit_equal(roomy / "out", full / "out")


def test_a_full_disk_is_told_in_our_words_whichever_file_did_not_fit(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    weights = (tiny_encoder_folder / "model.safetensors").stat().st_size
    for size, reason in (
        (weights // 2, "Error while serializing"),
        (weights * 3 // 2, "a file could not be written wh"),
    ):
        with files_up_to(size), pytest.raises(TrainingError) as caught:
            trained(tiny_encoder_folder, tmp_path / str(size), toy_queries())
        assert f"checkpoints ({reason}" in str(caught.value)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, learning_rate=1e12, warmup_share=0, held_out_share=0, evaluations=100)
    with pytest.raises(TrainingError) as caught:
        trained(tiny_encoder_folder, tmp_path, toy_queries(), settings)
    assert str(caught.value) == (
        f"The loss became nan at step 2 of 20; the checkpoint of step 1 is kept in {tmp_path / 'checkpoints'}. "
        "Train again with a lower learning rate than 1e+12."
    )
    assert [step_of(path) for path in complete_checkpoints(tmp_path / "checkpoints")] == [1]
    assert not (tmp_path / "out").exists()


def test_examples_with_an_error_are_refused_and_warnings_are_in_the_report(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    queries = toy_queries()
    wrong = replace(queries, rows=(*queries.rows, query_positive("q", "p", ["P"])))
    with pytest.raises(TrainingError, match=r"a negative equals the positive \(1, such as 'q'\)"):
        trained(tiny_encoder_folder, tmp_path, wrong)
    twice = replace(queries, rows=(*queries.rows, queries.rows[0]))
    report = trained(tiny_encoder_folder, tmp_path, twice, replace(SETTINGS, max_steps=1))
    assert [(finding.what, finding.count) for finding in report.findings] == [("a row is there more than once", 2)]


def test_what_the_listener_raises_stops_the_run_and_leaves_no_encoder(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 7:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train(
            tiny_encoder_folder,
            toy_queries(),
            SETTINGS,
            tmp_path / "out",
            report=stop,
            checkpoints=tmp_path / "checkpoints",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
    assert [step_of(path) for path in complete_checkpoints(tmp_path / "checkpoints")] == [5]


def test_other_settings_begin_a_run_anew(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    trained(tiny_encoder_folder, tmp_path, toy_queries())
    heard: list[Progress] = []
    other = TrainingSettings(epochs=1, batch_size=8, device="cpu")
    train(
        tiny_encoder_folder,
        toy_queries(),
        other,
        tmp_path / "other",
        report=heard.append,
        checkpoints=tmp_path / "checkpoints",
    )
    assert heard[0].done == 0


SHAPES = {
    Shape.QUERIES: [Example((f"q {n}", f"p {n}", *[f"n {n}"] * (n % 2))) for n in range(12)],
    Shape.TRIPLETS: [Example((f"q {n}", f"p {n}", f"n {n}")) for n in range(12)],
    Shape.LABELLED_PAIRS: [Example((f"q {n}", f"p {n}"), n % 2) for n in range(12)],
    Shape.SCORED_PAIRS: [Example((f"q {n}", f"p {n}"), n / 12) for n in range(12)],
    Shape.CLASSIFIED_PAIRS: [Example((f"q {n}", f"p {n}"), n % 3) for n in range(12)],
    Shape.CLASSES: [Example((f"q {n}",), n % 3) for n in range(12)],
    Shape.TEXTS: [Example((f"q {n}",)) for n in range(12)],
}


@pytest.mark.parametrize(
    ("loss", "shape"),
    [(name, shape) for name, objective in OBJECTIVES.items() for shape in Shape if shape in objective.shapes],
)
def test_every_loss_trains_on_every_shape_that_it_fits(
    tiny_encoder_folder: Path, tmp_path: Path, loss: str, shape: Shape
) -> None:
    rows = tuple(SHAPES[shape])
    classes = ("a", "b", "c") if shape in {Shape.CLASSIFIED_PAIRS, Shape.CLASSES} else ()
    teacher = str(tiny_encoder_folder) if loss == "distillation" else None
    settings = TrainingSettings(
        loss=loss, teacher=teacher, epochs=1, batch_size=6, learning_rate=1e-3, evaluations=1, device="cpu"
    )
    report = trained(tiny_encoder_folder, tmp_path, Examples(shape, rows, rows, classes), settings)
    assert report.loss == loss
    assert report.fingerprint != report.base_fingerprint
    assert report.after["loss"] >= 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            TrainingSettings(loss="cosent"),
            "The loss 'cosent' does not fit examples of query,positive; expected one of in-batch-negatives, "
            "cached-in-batch-negatives, symmetric, cached-symmetric, triplet, contrastive, online-contrastive, "
            "distillation. Choose one of them, or auto.",
        ),
        (TrainingSettings(loss="magic"), "The loss 'magic' is not known for examples of query,positive"),
        (TrainingSettings(energy="heat"), "The energy 'heat' is not known; expected one of cosine, dot,"),
        (
            TrainingSettings(precision="int8"),
            "The precision 'int8' is not known in training; expected one of auto, fp32, bf16. Choose one.",
        ),
        (TrainingSettings(batch_size=1), "The setting batch_size is 1; expected at least 2. Raise it."),
        (TrainingSettings(learning_rate=float("nan")), "The setting learning_rate is nan; expected"),
        (
            TrainingSettings(loss="triplet", margin=float("inf")),
            "The setting margin is inf; expected a number that is finite. Change it.",
        ),
        (TrainingSettings(held_out_share=1.0), "The setting held_out_share is 1.0; expected at most 0.9. Lower it."),
        (TrainingSettings(warmup_share=3.0), "The setting warmup_share is 3.0; expected at most 1. Lower it."),
        (
            TrainingSettings(dims=(32, 64)),
            "The first 64 dimensions can't serve alone: the encoder's vectors have 32; expected 1 to 32. Choose other",
        ),
        (TrainingSettings(dims=(0,)), "The first 0 dimensions can't serve alone:"),
    ],
)
def test_settings_that_mean_nothing_are_refused_in_a_sentence(
    tiny_encoder_folder: Path, tmp_path: Path, settings: TrainingSettings, sentence: str
) -> None:
    with pytest.raises(TrainingError) as caught:
        trained(tiny_encoder_folder, tmp_path, toy_queries(), settings)
    assert str(caught.value).startswith(sentence)


def test_examples_that_can_not_meet_are_refused(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    same = Examples(Shape.QUERIES, (query_positive("q", "p"), query_positive("Q", "p")))
    with pytest.raises(TrainingError, match=r"No batch can be made of 2 example\(s\) of query,positive"):
        trained(tiny_encoder_folder, tmp_path, same)


def test_a_text_is_told_to_be_cut_where_the_encoder_cuts_it(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    long = replace(toy_queries(), rows=(*toy_queries().rows, query_positive("copy it", "rain " * 40)))
    settings = replace(SETTINGS, max_steps=1, max_tokens=128)  # the encoder reads 32
    findings = trained(tiny_encoder_folder, tmp_path, long, settings).findings
    assert [one.what[:26] for one in findings if one.rule == "truncated"] == ["a text is cut at 32 tokens"]


def test_a_held_out_part_that_can_not_be_measured_is_refused_if_it_was_given(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    alone = replace(toy_queries(), held_out=(query_positive("copy it", "rain"),))
    with pytest.raises(TrainingError, match=r"^No batch can be made of 1 held-out example\(s\) of query,positive; exp"):
        trained(tiny_encoder_folder, tmp_path, alone)


def test_weights_that_are_no_numbers_are_told_at_the_step_that_made_them(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, learning_rate=1e30, warmup_share=0, held_out_share=0, max_steps=1)
    with pytest.raises(TrainingError, match=r"^The size of the weights became (inf|nan) at step 1 of 1; there was no"):
        trained(tiny_encoder_folder, tmp_path, toy_queries(), settings)


def test_a_folder_that_exists_is_not_overwritten(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(TrainingError, match="out exists already; expected a new folder"):
        trained(tiny_encoder_folder, tmp_path, toy_queries())


def test_training_stops_early_when_the_held_out_loss_does_not_fall(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    settings = TrainingSettings(
        epochs=40, batch_size=12, learning_rate=3e-3, evaluations=40, patience=2, held_out_share=0.2
    )
    report = trained(tiny_encoder_folder, tmp_path, toy_queries(), settings)
    lowest = min(report.held_out_curve, key=lambda point: point[1]["loss"])
    assert report.best_step == lowest[0]
    assert report.step_count < 160
    assert [step for step, _ in report.held_out_curve].index(report.best_step) == len(report.held_out_curve) - 3
