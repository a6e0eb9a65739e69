"""Learning a teacher's vectors: with any examples, in bounded memory, going on after a stop."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.progress import Progress, unheard
from search_app.errors import Cancelled, TrainingError
from search_app.twin.distilling import ask_teacher, open_taught
from search_app.twin.encoder import TwinEncoder
from search_app.twin.example_files import read_examples
from search_app.twin.examples import Example, Examples, Shape, query_positive
from search_app.twin.lstm import LstmSettings, begin_lstm

pytestmark = pytest.mark.usefixtures("one_thread")


class Numbered:
    """A teacher in three dimensions: a text that ends in a number has it as its angle; queries are mirrored."""

    name, dim = "numbered", 3

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], *, kind: str) -> NDArray[np.float32]:
        self.asked += texts
        angles = np.array([float(text.split()[-1]) / 1000 for text in texts])
        side = -1 if kind == "query" else 1
        return np.stack([np.cos(angles), side * np.sin(angles), np.zeros_like(angles)], axis=1).astype(np.float32)


def many(count: int) -> Examples:
    return Examples(Shape.QUERIES, tuple(query_positive(f"q {n}", f"p {n}") for n in range(count)))


def test_the_table_holds_what_the_teacher_made_of_each_text_in_each_role(tmp_path: Path) -> None:
    examples = replace(many(3), held_out=(query_positive("p 1", "h 7"),))
    ask_teacher(Numbered(), examples, tmp_path / "file", dim=3, report=unheard)
    taught = open_taught(examples, tmp_path / "file", dim=3)
    for kind, asked, numbers in (("document", ["p 2", "h 7"], ["2", "7"]), ("query", ["p 1", "q 2"], ["1", "2"])):
        np.testing.assert_allclose(taught.encode(asked, kind=kind), Numbered().encode(numbers, kind=kind), rtol=1e-6)


def test_of_a_wider_teacher_the_first_dimensions_are_taken_as_unit_rows(tmp_path: Path) -> None:
    ask_teacher(Numbered(), many(5), tmp_path / "file", dim=1, report=unheard)
    taught = open_taught(many(5), tmp_path / "file", dim=1)
    assert taught.encode(["p 0", "p 4"], kind="document").tolist() == [[1.0], [1.0]]


def test_a_teacher_that_was_stopped_is_not_asked_again_what_it_has_answered(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done >= 2048:
            raise Cancelled("Stopped.")

    first, second, whole = Numbered(), Numbered(), Numbered()
    with pytest.raises(Cancelled):
        ask_teacher(first, many(1500), tmp_path / "file", dim=3, report=stop)
    with (tmp_path / "file").open("ab") as file:
        file.write(b"half a row")
    heard: list[Progress] = []
    ask_teacher(second, many(1500), tmp_path / "file", dim=3, report=heard.append)
    assert [one.done for one in heard] == [1024, 2048, 3000]
    assert len(second.asked) == 3000 - 1024  # the last block before the stop may not have reached the disk
    ask_teacher(whole, many(1500), tmp_path / "undisturbed", dim=3, report=unheard)
    assert (tmp_path / "file").read_bytes() == (tmp_path / "undisturbed").read_bytes()


@pytest.mark.slow
def test_without_space_for_the_teachers_vectors_the_run_stops_in_a_sentence(tmp_path: Path) -> None:
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(TrainingError, match=r"vectors can't be written to .*file \(File too large\)\. Free 0 MB"):
            ask_teacher(Numbered(), many(500), tmp_path / "file", dim=3, report=unheard)
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))
    ask_teacher(Numbered(), many(500), tmp_path / "file", dim=3, report=unheard)
    assert (tmp_path / "file").stat().st_size == 1000 * 3 * 4


def test_an_encoder_from_scratch_learns_its_teachers_directions_from_texts_alone(
    train_tiny: Callable, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    words = ["fox", "dog", "wood", "file", "folder", "engine", "query", "bread", "rain", "roof", "cat", "fire"]
    texts = [f"the {one} and the {two}" for one in words for two in words if one != two]
    (tmp_path / "texts.csv").write_text("\n".join(["id,text", *(f"{n},{text}" for n, text in enumerate(texts))]))
    examples = read_examples(tmp_path / "texts.csv")
    assert examples.shape is Shape.TEXTS
    small = LstmSettings(vocabulary_size=400, embedding_dim=32, hidden_dim=32, dim=32)
    begin_lstm(texts, small).save(tmp_path / "lstm")
    report = train_tiny(
        examples, base=tmp_path / "lstm", teacher=str(tiny_encoder_folder), epochs=12, learning_rate=1e-2
    )
    assert (report.loss, report.base, report.teacher) == ("distillation", "lstm", "tiny")
    assert report.before["cosine to teacher"] < 0.5 < 0.9 < report.after["cosine to teacher"]
    assert report.gain is not None
    assert 0.4 < report.gain.low < report.after["cosine to teacher"] - report.before["cosine to teacher"]
    held_out = [row.texts[0] for row in examples.rows][:20]
    student, teacher = (TwinEncoder.load(one, device="cpu") for one in (tmp_path / "out", tiny_encoder_folder))
    assert (student.encode(held_out) * teacher.encode(held_out)).sum(axis=1).mean() > 0.9


@pytest.mark.usefixtures("untried")
def test_a_teacher_must_fit_its_student_and_the_loss(
    train_tiny: Callable, make_tiny_encoder: Callable[..., Path], tiny_encoder_folder: Path
) -> None:
    texts = Examples(Shape.TEXTS, tuple(Example((f"the fox {n}",)) for n in range(12)))
    wide = make_tiny_encoder("wide", poolings=("mean", "max"))
    for examples, how, sentence in (
        (texts, {}, "The loss 'distillation' on examples of text learns the vectors of a teacher, but none was given"),
        (
            many(30),
            {"loss": "distillation"},
            "The loss 'distillation' on examples of query,positive learns the",
        ),
        (many(30), {"loss": "triplet", "teacher": "x"}, "The loss 'triplet' has no use for the teacher 'x'; expected"),
        (
            texts,
            {"base": wide, "teacher": str(tiny_encoder_folder)},
            f"The teacher '{tiny_encoder_folder}' has 32 dimensions and its student 64; expected at least as many.",
        ),
    ):
        with pytest.raises(TrainingError) as caught:
            train_tiny(examples, **how)
        assert str(caught.value).startswith(sentence)


@pytest.mark.usefixtures("untried")
def test_the_teachers_vectors_of_another_run_are_not_taken(
    train_tiny: Callable, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "train" and progress.done == 1:
            raise Cancelled("Stopped.")

    texts = Examples(Shape.TEXTS, tuple(Example((f"the fox {n}",)) for n in range(12)))
    with pytest.raises(Cancelled):
        train_tiny(texts, teacher=str(tiny_encoder_folder), report=stop)
    assert (tmp_path / "checkpoints" / "teacher.f32").stat().st_size == 12 * 32 * 4
    (tmp_path / "checkpoints" / "teacher.f32").write_bytes(b"\0" * 12 * 32 * 4)
    report = train_tiny(texts, teacher=str(tiny_encoder_folder), epochs=1, max_steps=1)
    assert report.loss_curve[0][1] < 0.015  # the student is its own teacher but for dropout; with zeros it were 1/32
