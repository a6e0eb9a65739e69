"""Every loss against sentence-transformers on the same tensors, and against a value worked out on paper."""

import math
import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from search_app.twin import batch_triplets, losses
from search_app.twin.energies import ENERGIES, cosine_matrix
from search_app.twin.objectives import OBJECTIVES, LossOptions, VectorBatch, narrowed

with warnings.catch_warnings():  # it warns about its own old import paths
    warnings.simplefilter("ignore")
    from sentence_transformers.sentence_transformer import losses as reference
    from sentence_transformers.sentence_transformer.losses.batch_hard_triplet import (
        BatchHardTripletLossDistanceFunction as BatchDistance,
    )
    from sentence_transformers.sentence_transformer.losses.contrastive import SiameseDistanceMetric
    from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric

close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


class Nameless(torch.nn.Module):
    """What sentence-transformers' losses ask of a model when they are given vectors."""

    device = torch.device("cpu")

    def get_embedding_dimension(self) -> int:
        return 16


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


LEFT, RIGHT, THIRD = rows(12, 1), rows(12, 2), rows(12, 3)
BINARY = torch.tensor([0, 1] * 6)
SCORES = torch.linspace(0, 1, 12)[torch.randperm(12, generator=torch.Generator().manual_seed(4))]
CLASSES = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3])


@pytest.mark.parametrize(
    ("energy", "metric"),
    [
        ("cosine", SiameseDistanceMetric.COSINE_DISTANCE),
        ("euclidean", SiameseDistanceMetric.EUCLIDEAN),
        ("manhattan", SiameseDistanceMetric.MANHATTAN),
    ],
)
@pytest.mark.parametrize("margin", [0.5, 8.0])
def test_contrastive_losses_equal_the_reference(energy: str, metric: Callable, margin: float) -> None:
    for ours, theirs in (
        (losses.contrastive, reference.ContrastiveLoss),
        (losses.online_contrastive, reference.OnlineContrastiveLoss),
    ):
        expected = theirs(Nameless(), distance_metric=metric, margin=margin)
        close(
            ours(LEFT, RIGHT, BINARY, energy=ENERGIES[energy], margin=margin),
            expected.compute_loss_from_embeddings([LEFT, RIGHT], BINARY),
        )


@pytest.mark.parametrize("label", [0, 1])
def test_online_contrastive_equals_the_reference_where_a_batch_has_one_sort_of_pair(label: int) -> None:
    labels = torch.full((12,), label)
    expected = reference.OnlineContrastiveLoss(Nameless()).compute_loss_from_embeddings([LEFT, RIGHT], labels)
    close(losses.online_contrastive(LEFT, RIGHT, labels), expected)


@pytest.mark.parametrize(
    ("energy", "metric"),
    [
        ("cosine", TripletDistanceMetric.COSINE),
        ("euclidean", TripletDistanceMetric.EUCLIDEAN),
        ("manhattan", TripletDistanceMetric.MANHATTAN),
    ],
)
def test_triplet_equals_the_reference(energy: str, metric: Callable) -> None:
    expected = reference.TripletLoss(Nameless(), distance_metric=metric, triplet_margin=0.7)
    close(
        losses.triplet(LEFT, RIGHT, THIRD, energy=ENERGIES[energy], margin=0.7),
        expected.compute_loss_from_embeddings([LEFT, RIGHT, THIRD], BINARY),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (batch_triplets.batch_hard, reference.BatchHardTripletLoss),
        (batch_triplets.batch_semi_hard, reference.BatchSemiHardTripletLoss),
        (batch_triplets.batch_all, reference.BatchAllTripletLoss),
    ],
)
@pytest.mark.parametrize(
    ("energy", "metric"),
    [("euclidean", BatchDistance.euclidean_distance), ("cosine", BatchDistance.cosine_distance)],
)
def test_triplets_of_a_batch_equal_the_reference(
    ours: Callable, theirs: Callable, energy: str, metric: Callable
) -> None:
    expected = theirs(Nameless(), distance_metric=metric, margin=0.3)
    close(
        ours(LEFT, CLASSES, energy=ENERGIES[energy], margin=0.3),
        expected.compute_loss_from_embeddings([LEFT], CLASSES),
    )


def test_regression_and_order_of_scores_equal_the_reference() -> None:
    for ours, theirs in (
        (losses.cosine_regression, reference.CosineSimilarityLoss),
        (losses.cosent, reference.CoSENTLoss),
    ):
        expected = theirs(Nameless()).compute_loss_from_embeddings([LEFT, RIGHT], SCORES)
        close(ours(LEFT, RIGHT, SCORES), expected)


def test_in_batch_negatives_equal_the_reference_with_and_without_hard_negatives() -> None:
    expected = reference.MultipleNegativesRankingLoss(Nameless())
    plain = expected.compute_loss_from_embeddings([LEFT, RIGHT], BINARY)
    hard = expected.compute_loss_from_embeddings([LEFT, RIGHT, THIRD], BINARY)
    close(losses.in_batch_negatives(LEFT, RIGHT), plain)
    close(losses.in_batch_negatives(LEFT, RIGHT, THIRD), hard)


def test_symmetric_equals_the_reference() -> None:
    expected = reference.MultipleNegativesRankingLoss(
        Nameless(), directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    close(losses.symmetric(LEFT, RIGHT), expected.compute_loss_from_embeddings([LEFT, RIGHT], BINARY))
    with_hard = expected.compute_loss_from_embeddings([LEFT, RIGHT, THIRD], BINARY)
    close(losses.symmetric(LEFT, RIGHT, THIRD), with_hard)


def test_softmax_over_the_difference_equals_the_reference() -> None:
    expected = reference.SoftmaxLoss(Nameless(), embedding_dimension=16, num_labels=4)
    head = expected.classifier
    expected.model.forward = lambda features: {"sentence_embedding": features["vectors"]}
    features = [{"vectors": LEFT}, {"vectors": RIGHT}]
    close(losses.softmax(LEFT, RIGHT, CLASSES, weight=head.weight, bias=head.bias), expected(features, CLASSES))


def test_distillation_equals_the_reference_and_leaves_the_teacher_alone() -> None:
    teacher = RIGHT.clone().requires_grad_()
    student = LEFT.clone().requires_grad_()
    loss = losses.distillation(student, teacher)
    loss.backward()
    close(loss, reference.MSELoss(Nameless()).compute_loss_from_embeddings([LEFT], [RIGHT]))
    assert teacher.grad is None


def test_matryoshka_equals_the_reference() -> None:
    class Given(Nameless):
        def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
            return {"sentence_embedding": features["vectors"]}

    model = Given()
    expected = reference.MatryoshkaLoss(
        model, reference.MultipleNegativesRankingLoss(model), [16, 8, 4], matryoshka_weights=[1, 0.5, 0.25]
    )
    ours = losses.matryoshka(
        lambda vectors: losses.in_batch_negatives(*vectors),
        [LEFT, RIGHT],
        dims=(16, 8, 4),
        weights=(1, 0.5, 0.25),
    )
    close(ours, expected([{"vectors": LEFT}, {"vectors": RIGHT}], BINARY))


class Given(Nameless):
    """Gives the vectors that it is given, as a model that the wrapper of the reference can narrow."""

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["vectors"]}


@pytest.mark.parametrize(
    ("name", "theirs", "labels"),
    [
        ("in-batch-negatives", reference.MultipleNegativesRankingLoss, None),
        ("triplet", partial(reference.TripletLoss, triplet_margin=0.5), None),
        ("contrastive", reference.ContrastiveLoss, BINARY),
        ("online-contrastive", reference.OnlineContrastiveLoss, BINARY),
        ("cosent", reference.CoSENTLoss, SCORES),
        ("cosine-regression", reference.CosineSimilarityLoss, SCORES),
        ("batch-hard", partial(reference.BatchHardTripletLoss, margin=0.5), CLASSES),
        ("batch-semi-hard", partial(reference.BatchSemiHardTripletLoss, margin=0.5), CLASSES),
        ("batch-all", partial(reference.BatchAllTripletLoss, margin=0.5), CLASSES),
    ],
)
def test_matryoshka_around_any_loss_equals_the_reference(name: str, theirs: Callable, labels: Tensor | None) -> None:
    objective = OBJECTIVES[name]
    is_ranked, is_single = labels is None, labels is CLASSES
    columns = [LEFT] if is_single else [LEFT, RIGHT, THIRD] if is_ranked else [LEFT, RIGHT]
    others = LEFT[:0] if is_single else torch.cat(columns[1:])
    owners = torch.arange(12) if is_ranked else torch.zeros(0, dtype=torch.int64)
    options = LossOptions(losses.TEMPERATURE, objective.margin, ENERGIES[objective.energy])
    ours = narrowed(objective.compute, options, (16, 8, 4))(VectorBatch(LEFT, others, owners, labels))
    model = Given()
    wrapped = reference.MatryoshkaLoss(model, theirs(model), [16, 8, 4])
    close(ours, wrapped([{"vectors": rows} for rows in columns], labels))


def test_matryoshka_around_the_softmax_narrows_the_classifier_alike() -> None:
    head = torch.nn.Linear(48, 3)
    options = LossOptions(losses.TEMPERATURE, 0.5, ENERGIES["cosine"], head)
    batch = VectorBatch(LEFT, RIGHT, torch.zeros(0, dtype=torch.int64), labels=CLASSES % 3)
    ours = narrowed(OBJECTIVES["softmax"].compute, options, (16, 4))(batch)
    expected = torch.zeros(())
    for dim in (16, 4):
        left, right = (torch.nn.functional.normalize(rows[:, :dim], dim=1) for rows in (LEFT, RIGHT))
        columns = [place * 16 + column for place in range(3) for column in range(dim)]
        scores = torch.cat([left, right, (left - right).abs()], dim=1) @ head.weight[:, columns].T + head.bias
        expected = expected + torch.nn.functional.cross_entropy(scores, (CLASSES % 3).long())
    close(ours, expected)


def test_matryoshka_around_distillation_narrows_student_and_teacher_alike() -> None:
    options = LossOptions(losses.TEMPERATURE, 0.5, ENERGIES["cosine"])
    batch = VectorBatch(LEFT, RIGHT, torch.zeros(0, dtype=torch.int64), targets=torch.cat([THIRD, LEFT]))
    ours = narrowed(OBJECTIVES["distillation"].compute, options, (16, 4))(batch)
    unit = partial(torch.nn.functional.normalize, dim=1)
    student, teacher = torch.cat([LEFT, RIGHT]), torch.cat([THIRD, LEFT])
    parts = [torch.nn.functional.mse_loss(unit(student[:, :d]), unit(teacher[:, :d])) for d in (16, 4)]
    close(ours, sum(parts))


def test_values_worked_out_on_paper() -> None:
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    both = torch.cat([east, north])
    one = torch.tensor([1])
    close(losses.contrastive(east, north, one), torch.tensor(0.5))  # E = 1: 1² / 2
    close(losses.contrastive(east, east, one - 1, margin=0.5), torch.tensor(0.125))  # 0.5² / 2
    close(losses.online_contrastive(both, both.flip(0), torch.tensor([1, 1])), torch.tensor(0.0))
    close(losses.triplet(east, east, north, margin=2.0), torch.tensor(2 - math.sqrt(2)))
    close(losses.cosine_regression(east, north, torch.tensor([0.5])), torch.tensor(0.25))
    close(losses.in_batch_negatives(both, both, temperature=1.0), torch.tensor(math.log(1 + math.exp(-1))))
    close(losses.symmetric(both, both, temperature=1.0), torch.tensor(math.log(1 + math.exp(-1))))
    scores = torch.tensor([1.0, 0.0])  # the pair with the lower score has the higher cosine, by 1
    wrong = losses.cosent(both, torch.cat([north, north]), scores, temperature=1.0)
    close(wrong, torch.tensor(math.log(1 + math.e)))
    head = {"weight": torch.zeros(3, 6), "bias": torch.zeros(3)}
    close(losses.softmax(east, north, torch.tensor([2]), **head), torch.tensor(math.log(3)))
    close(losses.distillation(east, north), torch.tensor(1.0))


def test_triplets_of_a_batch_worked_out_on_paper() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # classes a a b b
    labels = torch.tensor([0, 0, 1, 1])
    # farthest positive - nearest negative: 1-3, 1-2, 4-2, 4-6
    close(batch_triplets.batch_hard(line, labels, margin=0.0), torch.tensor(2 / 4))
    # nearest negative beyond the positive: 1-3, 1-2; none beyond 4 but the farthest is 3: 4-3; 4-6
    close(batch_triplets.batch_semi_hard(line, labels, margin=0.0), torch.tensor(1 / 4))
    # the ones that cost: 4-3 and 4-2
    close(batch_triplets.batch_all(line, labels, margin=0.0), torch.tensor(3 / 2))


def test_a_batch_without_a_triplet_costs_nothing_and_gives_a_zero_gradient() -> None:
    for loss in (batch_triplets.batch_hard, batch_triplets.batch_semi_hard, batch_triplets.batch_all):
        vectors = rows(3, 5).requires_grad_()
        value = loss(vectors, torch.tensor([1, 1, 1]))
        value.backward()
        assert value.item() == 0
        close(vectors.grad, torch.zeros_like(vectors))


@pytest.mark.parametrize("name", ENERGIES)
def test_both_forms_of_an_energy_agree_and_equal_vectors_give_a_finite_gradient(name: str) -> None:
    energy = ENERGIES[name]
    close(energy.pairs(LEFT, RIGHT), energy.matrix(LEFT, RIGHT).diagonal())
    for form in (energy.pairs, energy.matrix):
        vectors = LEFT.clone().requires_grad_()
        form(vectors, LEFT).sum().backward()
        assert vectors.grad is not None
        assert vectors.grad.isfinite().all()


def test_energies_worked_out_on_paper() -> None:
    left, right = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 5.0]])
    expected = {
        "cosine": 1 - 20 / 25,
        "dot": -20.0,
        "euclidean": math.sqrt(10),
        "squared-euclidean": 10.0,
        "manhattan": 4.0,
    }
    for name, value in expected.items():
        close(ENERGIES[name].pairs(left, right), torch.tensor([value]))
    close(cosine_matrix(left, right), torch.tensor([[0.8]]))


def test_in_batch_negatives_start_from_the_logarithm_of_the_choice() -> None:
    same = torch.ones(4, 3)
    close(losses.in_batch_negatives(same, same, torch.ones(5, 3)), torch.tensor(math.log(9)))


def test_a_query_without_a_rival_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to be contrasted with; expected 2 rows or more"):
        losses.in_batch_negatives(LEFT[:1], RIGHT[:1])
    with pytest.raises(ValueError, match=r"\(2, 16\) queries and \(1, 16\) positives don't match"):
        losses.in_batch_negatives(LEFT[:2], RIGHT[:1])


def test_matryoshka_refuses_dimensions_that_the_vectors_do_not_have() -> None:
    with pytest.raises(ValueError, match=r"\(32,\) must lie between 1 and 16"):
        losses.matryoshka(lambda vectors: vectors[0].sum(), [LEFT], dims=[32])
