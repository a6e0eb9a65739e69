"""transformers' Trainer as Twinsearch uses it: planned batches, sealed checkpoints, and no noise.

The loop, optimiser, schedule, clipping, accumulation and resuming are the library's. What is said here: which rows
come when, how the held-out part is measured, that a loss which is no number stops the run before it can reach a
checkpoint, and that a checkpoint is complete or absent. With several processes each has a trainer of its own, which
knows its share of the batches; the first one measures and writes. Nothing is printed; the loss goes to the log.
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
    TrainingArguments,
)

from search_app.errors import TrainingError
from search_app.twin.backbone import first_line
from search_app.twin.batches import Plan
from search_app.twin.checkpoints import complete_checkpoints, seal, step_of, sweep
from search_app.twin.held_out import Measured
from search_app.twin.listener import Listener
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
        trainee: Changed in place; its processes share each batch.
        arguments: One epoch; the plan holds all of them.
        plan: Row numbers of each batch, of this process' share of it.
        collate: Row numbers to the trainee's arguments.
        measure: The held-out part; asked in the leading process only.
        listener: Hears of every step.
    """

    def __init__(
        self,
        trainee: Trainee,
        arguments: TrainingArguments,
        plan: Plan,
        *,
        collate: Callable[[Sequence[int]], Batch],
        measure: Callable[[], Measured],
        listener: Listener,
    ) -> None:
        rows = range(1 + max(number for batch in plan for number in batch))
        super().__init__(trainee, arguments, data_collator=collate, train_dataset=rows, eval_dataset=rows)
        self._trainee, self._plan, self._measure = trainee, plan, measure
        self._processes, self._listener = trainee.processes, listener
        self._folder = Path(str(arguments.output_dir))
        self.measured: dict[int, Measured] = {}  # by step, of this process
        self.remove_callback(PrinterCallback)
        self.add_callback(listener)

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
        measured = self._processes.told(self._measure() if self._processes.is_leader else None)
        if measured is None:
            raise ValueError("The leading process told no measurement; expected one at each evaluation.")
        self.measured[self.state.global_step] = measured
        figures = {f"eval_{name}": value for name, value in measured.figures.items()}
        self._refuse_no_number(figures["eval_loss"], "held-out loss", self.state.global_step)
        self.log(figures)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: object, **__: object) -> Tensor:
        """The loss of one batch.

        Raises:
            TrainingError: It is no number.
        """
        loss: Tensor = model(**inputs)["loss"]
        value = loss.item()
        self._refuse_no_number(value, "loss", self.state.global_step + 1)
        self._listener.count(value, len(inputs["anchors"]["input_ids"]) * self._processes.count)
        return loss

    def training_step(self, *given: Any, **named: Any) -> Tensor:
        """As the library does; before an optimiser's step the gradients of all processes are summed."""
        loss: Tensor = super().training_step(*given, **named)
        if self.accelerator.sync_gradients:
            head = self._trainee.head
            whole = () if head is None else head.parameters()
            self._processes.sum_gradients(self._trainee.network.parameters(), whole=whole)
        return loss

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As the library does, then sealed; an older one than the best and the newest is removed."""
        folder = self._folder
        self._refuse_damaged_weights()
        if not self._processes.is_leader:
            return
        try:
            super()._save_checkpoint(model, trial)
            seal(folder / f"checkpoint-{self.state.global_step}")
        except (OSError, RuntimeError, SafetensorError) as error:  # torch wraps a full disk in a RuntimeError
            kept = complete_checkpoints(folder)
            sweep(folder, kept)
            raise TrainingError(
                f"The checkpoint of step {self.state.global_step} can't be written to {folder} "
                f"({_reason(error)}); {_kept(kept)}. Free some space and start the training again."
            ) from error
        checkpoints = complete_checkpoints(folder)
        sweep(folder, [one for one in checkpoints if one == checkpoints[-1] or self._is_best(one)])

    def _load_best_model(self) -> None:
        """As the library does, where the best weights are needed: in the process that writes the encoder."""
        if self._processes.is_leader:
            super()._load_best_model()

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """As the library does; processes that follow draw numbers of their own, since the leader's were written."""
        super()._load_rng_state(checkpoint)
        if not self._processes.is_leader:
            torch.manual_seed(hash((self.args.seed, self.state.global_step)))

    def _is_best(self, checkpoint: Path) -> bool:
        return step_of(checkpoint) == self.state.best_global_step

    def _refuse_damaged_weights(self) -> None:
        norms = torch.stack([weights.detach().norm() for weights in self._trainee.parameters()])
        self._refuse_no_number(norms.sum().item(), "size of the weights", self.state.global_step)

    def _refuse_no_number(self, value: float, what: str, step: int) -> None:
        if math.isfinite(value):
            return
        kept = complete_checkpoints(self._folder)
        raise TrainingError(
            f"The {what} became {value} at step {step} of {self.state.max_steps}; "
            f"{_kept(kept)}. Train again with a lower learning rate than {self.args.learning_rate:g}."
        )


def _reason(error: Exception) -> str:
    is_torch_on_a_full_disk = "unexpected pos" in str(error)
    return "a file could not be written whole" if is_torch_on_a_full_disk else first_line(error)


def _kept(checkpoints: Sequence[Path]) -> str:
    if not checkpoints:
        return "there was no checkpoint yet"
    return f"the checkpoint of step {step_of(checkpoints[-1])} is kept in {checkpoints[-1].parent}"


def arguments_for(
    plan: Plan, folder: Path, *, has_held_out: bool, evaluations: int, accumulation: int, **others: Any
) -> TrainingArguments:
    """The library's settings for one pass over a plan, evaluating and saving at the same steps."""
    steps = math.ceil(len(plan) / accumulation)
    every = max(1, math.ceil(steps / evaluations))
    arguments = TrainingArguments(
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
    arguments._n_gpu = min(arguments.n_gpu, 1)  # with two the library would tear each batch apart: torchrun is for that
    return arguments


_LOG_POINTS = 50  # on a loss curve: enough for a page, few enough for the log


def early_stop(patience: int) -> TrainerCallback:
    """Stops after so many evaluations without a lower held-out loss."""
    return EarlyStoppingCallback(early_stopping_patience=patience)
