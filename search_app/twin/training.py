"""Trains an encoder on examples and leaves a new encoder, or nothing.

The base encoder is never changed. The run is decided by base, examples and settings alone: after a kill it
resumes from the newest complete checkpoint and ends, on CPU in fp32, with the very weights of an undisturbed run.
What was finished once is not done again: the encoder that a run has left names it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn
from transformers import TrainerState

from ingest.progress import Report, unheard
from search_app.errors import TrainingError
from search_app.twin.batches import Plan, plan_batches
from search_app.twin.checkpoints import TEACHER_FILE, Stopwatch, open_checkpoints
from search_app.twin.distilling import ask_teacher, open_taught, refuse_narrow_teacher
from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import ENERGIES
from search_app.twin.examples import Examples, set_aside
from search_app.twin.held_out import Figure, HeldOut, Measured, Observations, figure_of, interval_of_gain
from search_app.twin.lint import lint, refuse_errors
from search_app.twin.objectives import LossOptions, Objective, narrowed, order_of
from search_app.twin.processes import Processes, join_processes, unseen
from search_app.twin.report_page import report_page
from search_app.twin.runtime import candidates
from search_app.twin.trainee import Batch, Trainee, collate
from search_app.twin.trainer import Listener, TwinTrainer, arguments_for, early_stop
from search_app.twin.training_report import PAGE_FILE, REPORT_FILE, Gain, TrainingReport, read_report, report_json
from search_app.twin.training_settings import TrainingSettings, objective_of

__all__ = ["TrainingReport", "TrainingSettings", "follow", "train"]


def train(
    base: str | Path | TwinEncoder,
    examples: Examples,
    settings: TrainingSettings,
    out_folder: Path,
    *,
    report: Report,
    checkpoints: Path,
) -> TrainingReport:
    """Fine-tune an encoder and write the best state of it as a new encoder folder.

    Under `torchrun` this is the leading process; the others call `follow`.

    Args:
        base: The encoder to begin with: folder, name, or one in float32 that was loaded for this and will be changed.
        examples: At least two rows.
        out_folder: It appears complete or not at all. If this very run has made it before, its report comes back;
            anything else must not be there.
        report: Hears of every step, stage "train"; what it raises stops the run, which can be resumed.
        checkpoints: The run's own folder, removed at its end; the same run, started again, goes on from here.

    Raises:
        TrainingError: Examples (see `lint`) or settings can't be trained with, the loss became NaN, or a checkpoint
            can't be written; complete checkpoints are kept.
        EncoderError: The base or the teacher can't be loaded, or the new encoder can't be written.
    """
    objective = objective_of(settings, examples.shape)
    finished = _finished(out_folder)
    encoder = base if isinstance(base, TwinEncoder) else _loaded(base, settings)
    teacher = None if settings.teacher is None else _teacher(settings.teacher, encoder, settings)
    processes = join_processes()
    run = _identity(encoder, teacher, examples, settings, processes)
    if finished is not None:
        return _ended(finished, run, out_folder, checkpoints)
    divided = _divided(examples, objective, settings)
    findings = lint(divided, encoder.count_tokens, max_tokens=settings.max_tokens)
    refuse_errors(findings)
    plan = _plan(divided, objective, settings, processes)
    resumed, stopwatch = open_checkpoints(checkpoints, run), Stopwatch(checkpoints)
    if teacher is not None:
        ask_teacher(teacher, divided, checkpoints / TEACHER_FILE, dim=encoder.dim, report=report)
    task = _Task(run, encoder, divided, settings, plan, checkpoints, resumed)
    trained = _Run(processes.told(task), processes).train(report, stopwatch)
    complete = replace(trained, findings=tuple(findings), seconds=stopwatch.seconds)
    return _ended(_publish(complete, encoder, out_folder), run, out_folder, checkpoints)


def follow() -> None:
    """Takes part in the training that the leading process of `torchrun` was asked for; returns at its end."""
    processes = join_processes()
    task: _Task | None = processes.told(None)
    if task is not None:
        _Run(task, processes).train(unheard, stopwatch=None)


@dataclass(frozen=True, slots=True)
class _Task:
    """What the processes of a run must know alike."""

    run: str
    encoder: TwinEncoder
    examples: Examples
    settings: TrainingSettings
    plan: Plan
    checkpoints: Path
    resumed: Path | None


class _Run:
    """All that one run is made of, in one process."""

    def __init__(self, task: _Task, processes: Processes) -> None:
        self.task, self.processes = task, processes
        self.objective = objective_of(task.settings, task.examples.shape)
        self.encoder = task.encoder
        self.encoder.network.to(self.encoder.device)
        self.base_fingerprint = self.encoder.fingerprint
        self.teacher = None
        if self.objective.needs_teacher:
            self.teacher = open_taught(task.examples, task.checkpoints / TEACHER_FILE, dim=self.encoder.dim)
        self.figure = figure_of(task.examples.shape, self.teacher)
        self.trainee = _trainee(task, processes)

    def train(self, report: Report, stopwatch: Stopwatch | None) -> TrainingReport:
        """Go through what is left of the plan; the network then has the weights that are kept."""
        before = self._measure() if self.task.examples.held_out else None
        with unseen():
            trainer = self._trainer(Listener(report, stopwatch))
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
            processes=self.processes,
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
            settings=asdict(settings),
            findings=(),
            seconds=0.0,
            process_count=self.processes.count,
        )


def _loaded(base: str | Path, settings: TrainingSettings) -> TwinEncoder:
    return TwinEncoder.load(base, device=settings.device, precision="fp32")


def _teacher(name: str, student: TwinEncoder, settings: TrainingSettings) -> TwinEncoder:
    teacher = TwinEncoder.load(name, device=settings.device)
    refuse_narrow_teacher(teacher, student.dim)
    return teacher


def _finished(out_folder: Path) -> TrainingReport | None:
    """The report of whatever run has made the folder; None where nothing is.

    Raises:
        TrainingError: Something else is there.
    """
    if not out_folder.exists():
        return None
    report = read_report(out_folder)
    if report is None:
        raise TrainingError(_taken(out_folder))
    return report


def _taken(out_folder: Path) -> str:
    return f"{out_folder} exists already; expected a new folder. Choose another name."


def _ended(finished: TrainingReport, run: str, out_folder: Path, checkpoints: Path) -> TrainingReport:
    """The report of this very run, which needs its checkpoints no more."""
    if finished.run != run:
        raise TrainingError(_taken(out_folder))
    shutil.rmtree(checkpoints, ignore_errors=True)
    return finished


def _identity(
    encoder: TwinEncoder,
    teacher: TwinEncoder | None,
    examples: Examples,
    settings: TrainingSettings,
    processes: Processes,
) -> str:
    """What the run is: the same for a resumed run, another one when anything that matters differs."""
    fingerprints = [encoder.fingerprint, teacher and teacher.fingerprint]
    decided = json.dumps([fingerprints, examples.digest, asdict(settings), processes.count])
    return hashlib.sha256(decided.encode()).hexdigest()


def _divided(examples: Examples, objective: Objective, settings: TrainingSettings) -> Examples:
    """The examples with a held-out part, if there are enough of them for one that can be measured."""
    divided = set_aside(examples, share=settings.held_out_share, seed=settings.seed)
    if plan_batches(divided.held_out, settings.batch_size, order=order_of(objective, examples.shape)):
        return divided
    return replace(examples, held_out=())


def _plan(examples: Examples, objective: Objective, settings: TrainingSettings, processes: Processes) -> Plan:
    order = order_of(objective, examples.shape)
    plan = plan_batches(examples.rows, settings.batch_size, order=order, epochs=settings.epochs, seed=settings.seed)
    plan = [batch for batch in plan if len(batch) >= processes.count]  # a row at least for each process
    if settings.max_steps is not None:
        plan = plan[: settings.max_steps * settings.accumulation]
    if not plan:
        raise TrainingError(
            f"No batch can be made of {len(examples.rows)} example(s) of {examples.shape.value}; expected at "
            "least two with different texts. Add examples."
        )
    return plan


def _trainee(task: _Task, processes: Processes) -> Trainee:
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


def _publish(report: TrainingReport, encoder: TwinEncoder, out_folder: Path) -> TrainingReport:
    """Save the encoder with its report, both or neither."""
    out_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_folder.name}.", dir=out_folder.parent) as aside:
        staged = Path(aside) / out_folder.name
        encoder.save(staged)
        finished = replace(report, fingerprint=encoder.fingerprint)
        try:
            for name, content in ((REPORT_FILE, report_json(finished)), (PAGE_FILE, report_page(finished))):
                _write(staged / name, content)
            staged.rename(out_folder)
        except OSError as error:
            raise TrainingError(
                f"The report of the trained encoder can't be written to {out_folder} ({error.strerror}). Free some "
                "space and start the training again; it goes on from its last checkpoint."
            ) from error
    return finished


def _write(path: Path, content: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
