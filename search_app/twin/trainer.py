"""transformers' Trainer as Twinsearch uses it: planned batches, sealed checkpoints, and no noise.

The loop, optimiser, schedule, clipping, accumulation and resuming are the library's. What is said here: which rows
come when, how the held-out part is measured, that a loss which is no number stops the run before it can reach a
checkpoint, and that a checkpoint is complete or absent. Nothing is printed; the loss goes to the log.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ingest.progress import Progress, Report
from search_app.errors import TrainingError
from search_app.twin.batches import Plan
from search_app.twin.checkpoints import complete_checkpoints, seal, step_of, sweep
from search_app.twin.trainee import Batch, Trainee

_log = logging.getLogger("search_app.twin.training")


class PlannedBatches(Sampler[list[int]]):
    """The batches of a plan, in order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._plan)

    def __len__(self) -> int:
        return len(self._plan)


class TwinTrainer(Trainer):
    """Trains a `Trainee` through a plan.

    Args:
        trainee: Changed in place.
        arguments: One epoch; the plan holds all of them.
        plan: Row numbers of each batch.
        collate: Row numbers to the trainee's arguments.
        measure: Figures on the held-out part, "loss" among them.
    """

    def __init__(
        self,
        trainee: Trainee,
        arguments: TrainingArguments,
        plan: Plan,
        *,
        collate: Callable[[Sequence[int]], Batch],
        measure: Callable[[], dict[str, float]],
    ) -> None:
        rows = range(1 + max(number for batch in plan for number in batch))
        super().__init__(trainee, arguments, data_collator=collate, train_dataset=rows, eval_dataset=rows)
        self._trainee, self._plan, self._measure = trainee, plan, measure
        self._folder = Path(str(arguments.output_dir))
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The plan's batches, on the trainer's device."""
        loader: DataLoader[Any] = DataLoader(
            cast("Dataset[Any]", self.train_dataset),
            batch_sampler=PlannedBatches(self._plan),
            collate_fn=self.data_collator,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """The figures on the held-out part, under the names that the library looks for."""
        figures = {f"eval_{name}": value for name, value in self._measure().items()}
        self._refuse_no_number(figures["eval_loss"], "held-out loss")
        self.log(figures)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: object, **__: object) -> Tensor:
        """The loss of one batch.

        Raises:
            TrainingError: It is no number.
        """
        loss: Tensor = model(**inputs)["loss"]
        self._refuse_no_number(loss.item(), "loss")
        return loss

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As the library does, then sealed; an older one than the best and the newest is removed."""
        folder = self._folder
        self._refuse_damaged_weights()
        try:
            super()._save_checkpoint(model, trial)
            seal(folder / f"checkpoint-{self.state.global_step}")
        except (OSError, RuntimeError, SafetensorError) as error:  # torch wraps a full disk in a RuntimeError
            kept = complete_checkpoints(folder)
            sweep(folder, kept)
            raise TrainingError(
                f"The checkpoint of step {self.state.global_step} can't be written to {folder} "
                f"({str(error).splitlines()[0]}); {_kept(kept)}. Free some space and start the training again."
            ) from error
        checkpoints = complete_checkpoints(folder)
        sweep(folder, [one for one in checkpoints if one == checkpoints[-1] or self._is_best(one)])

    def _is_best(self, checkpoint: Path) -> bool:
        return step_of(checkpoint) == self.state.best_global_step

    def _refuse_damaged_weights(self) -> None:
        norms = torch.stack([weights.detach().norm() for weights in self._trainee.parameters()])
        self._refuse_no_number(norms.sum().item(), "size of the weights")

    def _refuse_no_number(self, value: float, what: str) -> None:
        if math.isfinite(value):
            return
        kept = complete_checkpoints(self._folder)
        raise TrainingError(
            f"The {what} became {value} at step {self.state.global_step + 1} of {self.state.max_steps}; "
            f"{_kept(kept)}. Train again with a lower learning rate than {self.args.learning_rate:g}."
        )


def _kept(checkpoints: Sequence[Path]) -> str:
    if not checkpoints:
        return "there was no checkpoint yet"
    return f"the checkpoint of step {step_of(checkpoints[-1])} is kept in {checkpoints[-1].parent}"


class Listener(TrainerCallback):
    """Tells how far the training is, and writes its losses to the log."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002  # the library names what it passes
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: object,
    ) -> None:
        """The first report; after a resume it doesn't begin at 0."""
        self._report(Progress("train", state.global_step, state.max_steps, "steps"))

    on_step_end = on_train_begin

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """One line with the figures at hand."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        _log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)


def arguments_for(
    plan: Plan, folder: Path, *, has_held_out: bool, evaluations: int, accumulation: int, **others: Any
) -> TrainingArguments:
    """The library's settings for one pass over a plan, evaluating and saving at the same steps."""
    steps = math.ceil(len(plan) / accumulation)
    every = max(1, math.ceil(steps / evaluations))
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        gradient_accumulation_steps=accumulation,
        eval_strategy="steps" if has_held_out else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        load_best_model_at_end=has_held_out,
        metric_for_best_model="loss" if has_held_out else None,
        greater_is_better=False,
        logging_steps=max(1, steps // _LOG_POINTS),
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        **others,
    )


_LOG_POINTS = 50  # on a loss curve: enough for a page, few enough for the log


def early_stop(patience: int) -> TrainerCallback:
    """Stops after so many evaluations without a lower held-out loss."""
    return EarlyStoppingCallback(early_stopping_patience=patience)
