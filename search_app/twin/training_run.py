"""One training run in one process: the trainee, the trainer, and what they report.

A task says all that the processes of a run must know alike; the plan of all batches is part of it, so that each
process finds its share of every batch without asking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import TrainerState

from ingest.progress import Report
from search_app.twin.batches import Plan, plan_batches
from search_app.twin.checkpoints import TEACHER_FILE, Stopwatch
from search_app.twin.curve import CurveFile
from search_app.twin.distilling import open_taught
from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import ENERGIES
from search_app.twin.examples import Examples
from search_app.twin.held_out import Figure, HeldOut, Measured, Observations, figure_of, interval_of_gain
from search_app.twin.listener import Listener
from search_app.twin.objectives import LossOptions, narrowed, order_of
from search_app.twin.processes import Processes, unseen
from search_app.twin.runtime import candidates
from search_app.twin.trainee import Batch, Trainee, collate
from search_app.twin.trainer import TwinTrainer, arguments_for, early_stop
from search_app.twin.training_report import Gain, TrainingReport
from search_app.twin.training_settings import TrainingSettings, objective_of


@dataclass(frozen=True, slots=True)
class Task:
    """What the processes of a run must know alike."""

    run: str
    encoder: TwinEncoder
    examples: Examples
    settings: TrainingSettings
    plan: Plan
    checkpoints: Path
    resumed: Path | None


class Run:
    """All that one run is made of, in one process."""

    def __init__(self, task: Task, processes: Processes) -> None:
        self.task, self.processes = task, processes
        self.objective = objective_of(task.settings, task.examples.shape)
        self.encoder = task.encoder
        self.encoder.network.to(self.encoder.device)
        self.base_fingerprint = self.encoder.fingerprint
        self.teacher = None
        if self.objective.needs_teacher:
            self.teacher = open_taught(task.examples, task.checkpoints / TEACHER_FILE, dim=self.encoder.dim)
        self.figure = figure_of(task.examples.shape, self.teacher)
        self.trainee = trainee_of(task, processes)

    def train(self, report: Report, stopwatch: Stopwatch | None) -> TrainingReport:
        """Go through what is left of the plan; the network then has the weights that are kept."""
        before = self._measure() if self.task.examples.held_out else None
        curve = CurveFile(self.task.checkpoints) if self.processes.is_leader else None
        if curve is not None and before is not None:
            curve.add_held_out(0, before.figures)
        with unseen():
            trainer = self._trainer(Listener(report, stopwatch, curve))
            trainer.train(resume_from_checkpoint=str(self.task.resumed) if self.task.resumed else None)
        best_step = trainer.state.best_global_step or trainer.state.global_step
        after = before and (trainer.measured.get(best_step) or self._measure())
        return self._report(trainer.state, best_step, before, after)

    def _trainer(self, listener: Listener) -> TwinTrainer:
        """The library's trainer, set up for this run."""
        settings, plan = self.task.settings, self.task.plan
        has_held_out = bool(self.task.examples.held_out)
        arguments = arguments_for(
            plan,
            self.task.checkpoints,
            has_held_out=has_held_out,
            evaluations=settings.evaluations,
            accumulation=settings.accumulation,
            learning_rate=settings.learning_rate,
            warmup_steps=round(settings.warmup_share * len(plan) / settings.accumulation),
            max_grad_norm=settings.longest_gradient,
            seed=settings.seed + self.processes.rank,  # of dropout
            use_cpu=self.encoder.device.type == "cpu",
        )
        trainer = TwinTrainer(
            self.trainee,
            arguments,
            [self.processes.share(batch) for batch in plan],
            collate=self._batch,
            measure=self._measure,
            listener=listener,
        )
        if settings.patience is not None and has_held_out:
            trainer.add_callback(early_stop(settings.patience))
        return trainer

    def _measure(self) -> Measured:
        examples, teacher = self.task.examples, self.teacher
        order = order_of(self.objective, examples.shape)
        plan = plan_batches(examples.held_out, self.task.settings.batch_size, order=order)
        held_out = HeldOut(examples.held_out, examples.shape, plan, figure=self.figure, teacher=teacher)
        return held_out.measure(self.trainee, self.encoder)

    def _batch(self, numbers: Sequence[int]) -> Batch:
        examples = self.task.examples
        rows = [examples.rows[number] for number in numbers]
        max_tokens = self.task.settings.max_tokens
        return collate(self.encoder, examples.shape, rows, max_tokens=max_tokens, teacher=self.teacher)

    def _report(
        self, state: TrainerState, best_step: int, before: Measured | None, after: Measured | None
    ) -> TrainingReport:
        """What the run did, but for what only its end can tell."""
        examples, settings = self.task.examples, self.task.settings
        evaluated = [point for point in state.log_history if "eval_loss" in point]
        return TrainingReport(
            base=_plain_name(self.encoder.name),
            base_fingerprint=self.base_fingerprint,
            fingerprint="",
            run=self.task.run,
            shape=examples.shape.value,
            loss=self.objective.name,
            teacher=None if settings.teacher is None else _plain_name(settings.teacher),
            sources=dict(examples.provenance.counts),
            example_count=len(examples.rows),
            held_out_count=len(examples.held_out),
            step_count=state.global_step,
            best_step=best_step,
            loss_curve=tuple((int(point["step"]), point["loss"]) for point in state.log_history if "loss" in point),
            held_out_curve=tuple((int(point["step"]), _figures(point)) for point in evaluated),
            before={} if before is None else before.figures,
            after={} if after is None else after.figures,
            gain=_gain(self.figure, before, after),
            settings=asdict(settings) | {"dims": list(settings.dims)},  # as JSON gives it back
            findings=(),
            seconds=0.0,
            process_count=self.processes.count,
        )


def trainee_of(task: Task, processes: Processes) -> Trainee:
    """The encoder's network with the loss of the task."""
    settings, encoder = task.settings, task.encoder
    objective = objective_of(settings, task.examples.shape)
    head = None
    if objective.trains_head:
        torch.manual_seed(settings.seed)  # the classifier starts from random numbers
        head = nn.Linear(3 * encoder.dim, len(task.examples.classes)).to(encoder.device)
    margin = objective.margin if settings.margin is None else settings.margin
    energy = ENERGIES[settings.energy or objective.energy]
    options = LossOptions(settings.temperature, margin, energy, head)
    return Trainee(
        encoder.network,
        narrowed(objective.compute, options, settings.dims),
        head=head,
        cached_rows=settings.cached_rows if objective.is_cached else None,
        is_half=_is_half(settings, encoder.device),
        processes=processes,
    )


def _is_half(settings: TrainingSettings, device: torch.device) -> bool:
    """Whether to multiply in bfloat16; of its own accord only where the hardware does, elsewhere it is slower."""
    if settings.precision == "auto":
        return "bf16" in candidates(device)
    return settings.precision == "bf16"


def _figures(point: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("eval_"): value for name, value in point.items() if name.startswith("eval_")}


def _gain(figure: Figure | None, before: Measured | None, after: Measured | None) -> Gain | None:
    if figure is None or before is None or after is None:
        return None
    low, high = interval_of_gain(before.observations, after.observations, figure)
    return Gain(
        figure=figure.name,
        before=before.figures[figure.name],
        after=after.figures[figure.name],
        low=low,
        high=high,
        values_before=_as_rows(before.observations),
        values_after=_as_rows(after.observations),
    )


def _as_rows(observations: Observations) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(value, 6) for value in row) for row in observations.tolist())


def _plain_name(encoder: str) -> str:
    """A name as it is, and of a path the folder's name: a report may be shown to others."""
    return Path(encoder).name if Path(encoder).is_absolute() else encoder
