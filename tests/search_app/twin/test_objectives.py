from pathlib import Path

import pytest
import torch

from search_app.errors import TrainingError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import COSINE
from search_app.twin.examples import Shape, query_positive
from search_app.twin.objectives import OBJECTIVES, LossOptions, VectorBatch, choose_objective, narrowed
from search_app.twin.trainee import Trainee, collate

OPTIONS = LossOptions(temperature=0.05, margin=0.5, energy=COSINE)


def batch_of_three() -> VectorBatch:
    """Anchors 1, 2, 3, positives 10, 20, 30, and two negatives of the second anchor."""
    column = torch.tensor([[1.0], [2.0], [3.0], [10.0], [20.0], [30.0], [21.0], [22.0]])
    return VectorBatch(column[:3], column[3:], torch.tensor([1, 1]))


def test_a_row_is_opposed_to_its_own_negatives_or_else_to_its_neighbours_positive() -> None:
    rows, negatives = batch_of_three().opposed()
    pairs = list(zip(rows.tolist(), negatives.flatten().tolist(), strict=True))
    assert pairs == [(1, 21.0), (1, 22.0), (0, 20.0), (2, 10.0)]


def test_ranked_rows_become_alike_and_unlike_pairs() -> None:
    left, right, labels = batch_of_three().labelled_pairs()
    assert left.flatten().tolist() == [1, 2, 3, 2, 2, 1, 3]
    assert right.flatten().tolist() == [10, 20, 30, 21, 22, 20, 10]
    assert labels.tolist() == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "usual"),
    [
        (Shape.QUERIES, "in-batch-negatives"),
        (Shape.TRIPLETS, "in-batch-negatives"),
        (Shape.LABELLED_PAIRS, "contrastive"),
        (Shape.SCORED_PAIRS, "cosent"),
        (Shape.CLASSIFIED_PAIRS, "softmax"),
        (Shape.CLASSES, "batch-hard"),
        (Shape.TEXTS, "distillation"),
    ],
)
def test_the_shape_of_the_examples_decides_about_the_usual_loss(shape: Shape, usual: str) -> None:
    assert choose_objective("auto", shape).name == usual


def test_a_loss_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(TrainingError) as caught:
        choose_objective("triplet", Shape.SCORED_PAIRS)
    assert str(caught.value) == (
        "The loss 'triplet' does not fit examples of sentence1,sentence2,score; expected one of cosent, "
        "cosine-regression, distillation. Choose one of them, or auto."
    )


def test_dimensions_add_up_their_losses() -> None:
    vectors = torch.randn(10, 8, generator=torch.Generator().manual_seed(3))
    batch = VectorBatch(vectors[:4], vectors[4:], torch.tensor([0, 2]))
    compute = OBJECTIVES["in-batch-negatives"].compute
    alone = [narrowed(compute, OPTIONS, [dim])(batch) for dim in (2, 8)]
    torch.testing.assert_close(narrowed(compute, OPTIONS, [2, 8])(batch), sum(alone))


def test_a_cached_objective_gives_the_network_the_gradients_of_the_plain_one(tiny_encoder_folder: Path) -> None:
    rows = [query_positive(f"copy file {n}", f"the folder {n} " * n, [f"rain {n}"]) for n in range(1, 6)]
    gradients = []
    for cached_rows in (None, 2):
        encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
        loss = narrowed(OBJECTIVES["in-batch-negatives"].compute, OPTIONS, ())
        trainee = Trainee(encoder.network, loss, cached_rows=cached_rows).eval()
        trainee(**collate(encoder, Shape.QUERIES, rows, max_tokens=32))["loss"].backward()
        gradients.append([weights.grad for weights in encoder.network.parameters() if weights.grad is not None])
    assert len(gradients[0]) > 30
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


def test_texts_are_cut_to_the_training_length_and_negatives_know_their_row(tiny_encoder_folder: Path) -> None:
    encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
    rows = [query_positive("a fox", "a dog"), query_positive("rain " * 30, "roof", ["cat", "bread"])]
    batch = collate(encoder, Shape.QUERIES, rows, max_tokens=12)
    assert batch["anchors"]["input_ids"].shape == (2, 12)
    assert batch["others"]["input_ids"].shape[0] == 4
    assert batch["owners"].tolist() == [1, 1]
    assert batch["labels"] is None
