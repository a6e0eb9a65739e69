"""How to train: the settings of a run, and which of them mean nothing.

What a person leaves out is chosen by the loss and the shape of the examples. Everything here decides about the
weights that come out, so all of it belongs to the identity of a run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from search_app.errors import TrainingError
from search_app.twin.energies import ENERGIES
from search_app.twin.examples import Shape
from search_app.twin.objectives import Objective, choose_objective


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train; what is None is chosen by the loss.

    Attributes:
        loss: A name of `objectives.OBJECTIVES`, or auto: the usual one for the examples' shape.
        teacher: Folder or name of the encoder whose vectors are learned by the loss `distillation`.
        epochs: Times that every row is seen.
        batch_size: Rows; with in-batch negatives also the number of passages to choose from.
        learning_rate: At its height, after the warm-up; then it falls to 0.
        warmup_share: Of all steps, over which the learning rate rises.
        accumulation: Batches whose gradients make one step.
        longest_gradient: Of all weights together; a longer one is shortened to it.
        max_tokens: Longer texts are cut in training; 128 costs half the time of 256.
        max_steps: Plan no more; None: all epochs.
        temperature: Of losses that contrast; lower is stricter.
        margin: Of losses with a margin, in units of the energy.
        energy: A name of `energies.ENERGIES`.
        dims: Dimensions that should each serve alone (Matryoshka); empty: only all together.
        held_out_share: Set aside to measure on, by anchor, when the examples have no held-out part.
        evaluations: How often the held-out part is measured and a checkpoint written.
        patience: Stop after so many evaluations without a lower held-out loss; None: never.
        cached_rows: Texts with a graph at a time where the loss is cached.
        seed: Of batches, dropout and the held-out part.
        device: auto, cpu, cuda or mps.
        precision: Of the products in training: fp32, bf16, or auto: bf16 where the device has it in hardware. Weights,
            pooling, loss and held-out figures are float32 in each case.
    """

    loss: str = "auto"
    teacher: str | None = None
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 5e-5
    warmup_share: float = 0.1
    accumulation: int = 1
    longest_gradient: float = 1.0
    max_tokens: int = 128
    max_steps: int | None = None
    temperature: float = 0.05
    margin: float | None = None
    energy: str | None = None
    dims: tuple[int, ...] = ()
    held_out_share: float = 0.1
    evaluations: int = 4
    patience: int | None = None
    cached_rows: int = 32
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"


def objective_of(settings: TrainingSettings, shape: Shape) -> Objective:
    """The objective of a run on examples of this shape; with a teacher, the usual one is to learn its vectors.

    Raises:
        TrainingError: The loss is unknown or fits neither the shape nor the teacher, or a setting means nothing.
    """
    has_teacher = settings.teacher is not None
    name = "distillation" if has_teacher and settings.loss == "auto" else settings.loss
    objective = choose_objective(name, shape)
    if objective.needs_teacher and not has_teacher:
        raise TrainingError(
            f"The loss {objective.name!r} on examples of {shape.value} learns the vectors of a teacher, but none was "
            "given; expected the name of an encoder. Give one with --teacher."
        )
    if has_teacher and not objective.needs_teacher:
        raise TrainingError(
            f"The loss {objective.name!r} has no use for the teacher {settings.teacher!r}; expected the loss "
            "'distillation'. Leave out the loss or the teacher."
        )
    _refuse_meaningless(settings)
    return objective


def _refuse_meaningless(settings: TrainingSettings) -> None:
    if settings.energy is not None and settings.energy not in ENERGIES:
        raise TrainingError(
            f"The energy {settings.energy!r} is not known; expected one of {', '.join(ENERGIES)}. Choose one."
        )
    if settings.precision not in _PRECISIONS:
        raise TrainingError(
            f"The precision {settings.precision!r} is not known in training; expected one of {', '.join(_PRECISIONS)}. "
            "Choose one."
        )
    for name in (field.name for field in fields(settings)):
        value = getattr(settings, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise TrainingError(f"The setting {name} is {value}; expected a number that is finite. Change it.")
        if value is not None and name in _LOWEST and value < _LOWEST[name]:
            raise TrainingError(f"The setting {name} is {value}; expected at least {_LOWEST[name]:g}. Raise it.")
        if value is not None and name in _HIGHEST and value > _HIGHEST[name]:
            raise TrainingError(f"The setting {name} is {value}; expected at most {_HIGHEST[name]:g}. Lower it.")


def refuse_foreign_dims(settings: TrainingSettings, dim: int) -> None:
    """Raise TrainingError for first dimensions that vectors of `dim` components don't have."""
    foreign = [one for one in settings.dims if not 1 <= one <= dim]
    if foreign:
        raise TrainingError(
            f"The first {foreign[0]} dimensions can't serve alone: the encoder's vectors have {dim}; expected 1 to "
            f"{dim}. Choose other --dims."
        )


_PRECISIONS = ("auto", "fp32", "bf16")
_LOWEST: Mapping[str, float] = MappingProxyType(  # setting -> the smallest value that means anything
    {
        "accumulation": 1,
        "batch_size": 2,
        "cached_rows": 1,
        "epochs": 1,
        "evaluations": 1,
        "held_out_share": 0,
        "learning_rate": 1e-9,
        "longest_gradient": 1e-6,
        "max_steps": 1,
        "max_tokens": 8,
        "patience": 1,
        "temperature": 1e-3,
        "warmup_share": 0,
    }
)
_HIGHEST: Mapping[str, float] = MappingProxyType({"held_out_share": 0.9, "warmup_share": 1})
