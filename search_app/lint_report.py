"""What a training would learn from and by which loss, and what is wrong with it: for people, before time is spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from search_app.twin.dividing import divided
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Examples, Shape
from search_app.twin.findings import Finding, Severity
from search_app.twin.lint import lint
from search_app.twin.training_settings import TrainingSettings, objective_of, refuse_foreign_dims

_REASONS: Mapping[Shape, str] = MappingProxyType(
    {
        Shape.QUERIES: "in each batch, the passages of the other queries are what a query is told apart from",
        Shape.TRIPLETS: "in each batch, the positives of the other rows are further negatives",
        Shape.SCORED_PAIRS: "it brings the pairs into the order of their scores, whatever their scale",
        Shape.LABELLED_PAIRS: "it draws alike texts together and drives unlike ones apart, up to a margin",
        Shape.CLASSIFIED_PAIRS: "a classifier over both vectors learns the classes together with the encoder",
        Shape.CLASSES: "it draws the farthest texts of a class together and drives the nearest strangers apart",
        Shape.TEXTS: "texts without labels can only be learned from a teacher's vectors",
    }
)


@dataclass(frozen=True, slots=True)
class LintReport:
    """What was found; `reason` says why the loss was chosen, `counts` how many examples came from what."""

    shape: str
    loss: str
    reason: str
    base: str
    example_count: int
    held_out_count: int
    counts: Mapping[str, int]
    columns: Mapping[str, str]
    classes: tuple[str, ...]
    score_range: tuple[float, float] | None
    findings: tuple[Finding, ...]

    @property
    def is_trainable(self) -> bool:
        """Whether no finding stops the training."""
        return all(one.severity is not Severity.ERROR for one in self.findings)


def lint_report(examples: Examples, settings: TrainingSettings, base: TwinEncoder) -> LintReport:
    """The report on examples as the training will divide them.

    Raises:
        TrainingError: The loss doesn't fit the examples, or a setting means nothing.
    """
    objective = objective_of(settings, examples.shape)
    refuse_foreign_dims(settings, base.dim)
    parted = divided(examples, settings)
    is_chosen = settings.loss == "auto"
    taught = "the teacher's vectors are what is learned" if settings.teacher else _REASONS[examples.shape]
    return LintReport(
        shape=examples.shape.value,
        loss=objective.name,
        reason=taught if is_chosen else "it was asked for",
        base=base.name,
        example_count=len(parted.rows),
        held_out_count=len(parted.held_out),
        counts=examples.provenance.counts,
        columns=examples.provenance.columns,
        classes=examples.classes,
        score_range=examples.score_range,
        findings=tuple(lint(parted, base.token_counts, max_tokens=min(settings.max_tokens, base.max_tokens))),
    )
