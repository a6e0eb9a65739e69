"""Trains an encoder on examples and leaves a new encoder, or nothing.

The base encoder is never changed. The run is decided by base, examples and settings alone: after a kill it
resumes from the newest complete checkpoint and ends, on CPU in fp32, with the very weights of an undisturbed run.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ingest.progress import Report
from search_app.errors import TrainingError
from search_app.twin.batches import Plan, plan_batches
from search_app.twin.checkpoints import open_checkpoints
from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import ENERGIES
from search_app.twin.examples import Examples, Shape, set_aside
from search_app.twin.findings import Finding
from search_app.twin.held_out import measure
from search_app.twin.lint import lint, refuse_errors
from search_app.twin.objectives import LossOptions, Objective, choose_objective, narrowed, order_of
from search_app.twin.trainee import Batch, Trainee, collate
from search_app.twin.trainer import Listener, TwinTrainer, arguments_for, early_stop

REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train; what is None is chosen by the loss.

    Attributes:
        loss: A name of `objectives.OBJECTIVES`, or auto: the usual one for the examples' shape.
        epochs: Times that every row is seen.
        batch_size: Rows; with in-batch negatives also the number of passages to choose from.
        learning_rate: At its height, after the warm-up; then it falls to 0.
        warmup_share: Of all steps, over which the learning rate rises.
        accumulation: Batches whose gradients make one step.
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
    """

    loss: str = "auto"
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 2e-5
    warmup_share: float = 0.1
    accumulation: int = 1
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


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a run did; it lies in the new encoder's folder as report.json.

    Attributes:
        loss_curve: Step, and the mean loss since the point before.
        held_out_curve: Step, and figures on the held-out part.
        best_step: Whose weights were kept: the lowest held-out loss, or the last step without a held-out part.
        before: Figures of the base encoder on the held-out part; empty without one.
        after: The same of the weights that were kept.
        findings: What the examples could be better in.
        seconds: Of the process that finished the run.
    """

    base: str
    base_fingerprint: str
    fingerprint: str
    shape: str
    loss: str
    example_count: int
    held_out_count: int
    step_count: int
    best_step: int
    loss_curve: tuple[tuple[int, float], ...]
    held_out_curve: tuple[tuple[int, Mapping[str, float]], ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    settings: Mapping[str, Any]
    findings: tuple[Finding, ...]
    seconds: float


def train(
    base: str | Path,
    examples: Examples,
    settings: TrainingSettings,
    out_folder: Path,
    *,
    report: Report,
    checkpoints: Path,
) -> TrainingReport:
    """Fine-tune an encoder and write the best state of it as a new encoder folder.

    Args:
        base: Folder or name of the encoder to begin with.
        examples: At least two rows.
        out_folder: Must not exist; it appears complete or not at all.
        report: Hears of every step, stage "train"; what it raises stops the run, which can be resumed.
        checkpoints: The run's own folder; the same run, started again, goes on from here.

    Raises:
        TrainingError: Examples (see `lint`) or settings can't be trained with, the loss became NaN, or a checkpoint
            can't be written; complete checkpoints are kept.
        EncoderError: The base can't be loaded, or the new encoder can't be written.
    """
    begun = time.monotonic()
    refuse_unfit(examples, settings, out_folder)
    run = _Run(base, examples, settings)
    resumed = open_checkpoints(checkpoints, run.identity)
    before = run.measure()
    trainer = run.trainer(report, checkpoints, has_held_out=bool(before))
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    return _publish(run.report(trainer, before, time.monotonic() - begun), run.encoder, out_folder)


class _Run:
    """All that one run is made of."""

    def __init__(self, base: str | Path, examples: Examples, settings: TrainingSettings) -> None:
        self.settings = settings
        self.objective = choose_objective(settings.loss, examples.shape)
        self.encoder = TwinEncoder.load(base, device=settings.device, precision="fp32")
        self.base_fingerprint = self.encoder.fingerprint
        self.identity = _identity(self.base_fingerprint, examples, settings)
        self.examples = _divided(examples, settings)
        self.findings = lint(self.examples, self.encoder.count_tokens, max_tokens=settings.max_tokens)
        refuse_errors(self.findings)
        self.plan = _plan(self.examples, settings)
        self.trainee = _trainee(self.encoder, self.objective, self.examples, settings)

    def measure(self) -> dict[str, float]:
        """Figures on the held-out part; empty without one."""
        limits = {"batch_size": self.settings.batch_size, "max_tokens": self.settings.max_tokens}
        return measure(self.trainee, self.encoder, self.examples, **limits)

    def trainer(self, report: Report, checkpoints: Path, *, has_held_out: bool) -> TwinTrainer:
        """The library's trainer, set up for this run."""
        settings = self.settings
        arguments = arguments_for(
            self.plan,
            checkpoints,
            has_held_out=has_held_out,
            evaluations=settings.evaluations,
            accumulation=settings.accumulation,
            learning_rate=settings.learning_rate,
            warmup_steps=round(settings.warmup_share * len(self.plan) / settings.accumulation),
            seed=settings.seed,
            use_cpu=self.encoder.device.type == "cpu",
        )
        trainer = TwinTrainer(self.trainee, arguments, self.plan, collate=self._batch, measure=self.measure)
        trainer.add_callback(Listener(report))
        if settings.patience is not None and has_held_out:
            trainer.add_callback(early_stop(settings.patience))
        return trainer

    def report(self, trainer: TwinTrainer, before: dict[str, float], seconds: float) -> TrainingReport:
        """What the finished run did; the new encoder's fingerprint is still missing."""
        history = trainer.state.log_history
        curve = tuple((int(point["step"]), _figures(point)) for point in history if "eval_loss" in point)
        best_step = trainer.state.best_global_step or trainer.state.global_step
        return TrainingReport(
            base=self.encoder.name,
            base_fingerprint=self.base_fingerprint,
            fingerprint="",
            shape=self.examples.shape.value,
            loss=self.objective.name,
            example_count=len(self.examples.rows),
            held_out_count=len(self.examples.held_out),
            step_count=trainer.state.global_step,
            best_step=best_step,
            loss_curve=tuple((int(point["step"]), point["loss"]) for point in history if "loss" in point),
            held_out_curve=curve,
            before=before,
            after=dict(curve).get(best_step, {}),
            settings=asdict(self.settings),
            findings=tuple(self.findings),
            seconds=seconds,
        )

    def _batch(self, numbers: Sequence[int]) -> Batch:
        rows = [self.examples.rows[number] for number in numbers]
        return collate(self.encoder, self.examples.shape, rows, max_tokens=self.settings.max_tokens)


def refuse_unfit(examples: Examples, settings: TrainingSettings, out_folder: Path) -> None:
    """Raise TrainingError, before anything is loaded, for what can't be trained with."""
    if out_folder.exists():
        raise TrainingError(f"{out_folder} exists already; expected a new folder. Choose another name.")
    choose_objective(settings.loss, examples.shape)
    if settings.energy is not None and settings.energy not in ENERGIES:
        raise TrainingError(
            f"The energy {settings.energy!r} is not known; expected one of {', '.join(ENERGIES)}. Choose one."
        )
    for name, lowest in _LOWEST.items():
        value = getattr(settings, name)
        if value is not None and not value >= lowest:
            raise TrainingError(f"The setting {name} is {value}; expected at least {lowest:g}. Raise it.")


_LOWEST = {  # setting -> the smallest value that means anything
    "accumulation": 1,
    "batch_size": 2,
    "cached_rows": 1,
    "epochs": 1,
    "evaluations": 1,
    "held_out_share": 0,
    "learning_rate": 1e-9,
    "max_steps": 1,
    "max_tokens": 8,
    "patience": 1,
    "temperature": 1e-3,
    "warmup_share": 0,
}


def _identity(base_fingerprint: str, examples: Examples, settings: TrainingSettings) -> str:
    """What the run is: the same for a resumed run, another one when anything that matters differs."""
    decided = json.dumps([base_fingerprint, examples.digest, asdict(settings)])
    return hashlib.sha256(decided.encode()).hexdigest()


def _divided(examples: Examples, settings: TrainingSettings) -> Examples:
    """The examples with a held-out part, if there are enough of them for one that can be measured."""
    divided = set_aside(examples, share=settings.held_out_share, seed=settings.seed)
    order = order_of(examples.shape)
    if plan_batches(divided.held_out, settings.batch_size, order=order):
        return divided
    return replace(examples, held_out=())


def _plan(examples: Examples, settings: TrainingSettings) -> Plan:
    order = order_of(examples.shape)
    plan = plan_batches(examples.rows, settings.batch_size, order=order, epochs=settings.epochs, seed=settings.seed)
    if settings.max_steps is not None:
        plan = plan[: settings.max_steps * settings.accumulation]
    if not plan:
        raise TrainingError(
            f"No batch can be made of {len(examples.rows)} example(s) of {examples.shape.value}; expected at "
            "least two with different texts. Add examples."
        )
    return plan


def _trainee(encoder: TwinEncoder, objective: Objective, examples: Examples, settings: TrainingSettings) -> Trainee:
    head = None
    if examples.shape is Shape.CLASSIFIED_PAIRS:
        torch.manual_seed(settings.seed)  # the classifier starts from random numbers
        head = nn.Linear(3 * encoder.dim, len(examples.classes)).to(encoder.device)
    margin = objective.margin if settings.margin is None else settings.margin
    energy = ENERGIES[settings.energy or objective.energy]
    options = LossOptions(settings.temperature, margin, energy, head)
    return Trainee(
        encoder.network,
        narrowed(objective.compute, options, settings.dims),
        head=head,
        cached_rows=settings.cached_rows if objective.is_cached else None,
    )


def _figures(point: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("eval_"): value for name, value in point.items() if name.startswith("eval_")}


def _publish(report: TrainingReport, encoder: TwinEncoder, out_folder: Path) -> TrainingReport:
    """Save the encoder with its report, both or neither."""
    out_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_folder.name}.", dir=out_folder.parent) as aside:
        staged = Path(aside) / out_folder.name
        encoder.save(staged)
        finished = replace(report, fingerprint=encoder.fingerprint)
        with (staged / REPORT_FILE).open("w", encoding="utf-8") as file:
            json.dump(asdict(finished), file, indent=2, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        staged.rename(out_folder)
    return finished
