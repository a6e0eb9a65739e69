"""Trains an encoder on examples and leaves a new encoder, or nothing.

The base encoder is never changed. The run is decided by base, examples and settings alone: after a kill it
resumes from the newest complete checkpoint and ends, on CPU in fp32, with the very weights of an undisturbed run.
What was finished once is not done again: the encoder that a run has left names it.
"""

import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from ingest.progress import Report, unheard
from search_app.errors import TrainingError
from search_app.twin.batches import Plan, plan_batches
from search_app.twin.checkpoints import TEACHER_FILE, Stopwatch, clear, open_checkpoints
from search_app.twin.distilling import ask_teacher, refuse_narrow_teacher
from search_app.twin.dividing import divided
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Examples
from search_app.twin.lint import lint, refuse_errors
from search_app.twin.objectives import order_of
from search_app.twin.processes import Processes, join_processes
from search_app.twin.publishing import publish
from search_app.twin.report_page import report_page
from search_app.twin.training_report import PAGE_FILE, REPORT_FILE, TrainingReport, read_report, report_json
from search_app.twin.training_run import Run, Task
from search_app.twin.training_settings import TrainingSettings, objective_of, refuse_foreign_dims

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
        checkpoints: The run's own folder, emptied at its end; the same run, started again, goes on from here.

    Raises:
        TrainingError: Examples (see `lint`) or settings can't be trained with, the loss became NaN, or a checkpoint
            can't be written; complete checkpoints are kept.
        EncoderError: The base or the teacher can't be loaded, or the new encoder can't be written.
    """
    objective_of(settings, examples.shape)  # what means nothing is refused before anything is loaded
    finished = _finished(out_folder)
    encoder = base if isinstance(base, TwinEncoder) else _loaded(base, settings)
    refuse_foreign_dims(settings, encoder.dim)
    teacher = None if settings.teacher is None else _teacher(settings.teacher, encoder, settings)
    processes = join_processes()
    run = _identity(encoder, teacher, examples, settings, processes)
    if finished is not None:
        return _ended(finished, run, out_folder, checkpoints)
    parted = divided(examples, settings)
    findings = lint(parted, encoder.token_counts, max_tokens=min(settings.max_tokens, encoder.max_tokens))
    refuse_errors(findings)
    plan = _plan(parted, settings, processes)
    resumed, stopwatch = open_checkpoints(checkpoints, run), Stopwatch(checkpoints)
    if teacher is not None:
        ask_teacher(teacher, parted, checkpoints / TEACHER_FILE, dim=encoder.dim, report=report)
    task = Task(run, encoder, parted, settings, plan, checkpoints, resumed)
    trained = Run(processes.told(task), processes).train(report, stopwatch)
    complete = replace(trained, findings=tuple(findings), seconds=stopwatch.seconds)
    return _ended(_publish(complete, encoder, out_folder), run, out_folder, checkpoints)


def follow() -> None:
    """Takes part in the training that the leading process of `torchrun` was asked for; returns at its end."""
    processes = join_processes()
    task: Task | None = processes.told(None)
    if task is not None:
        Run(task, processes).train(unheard, stopwatch=None)


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
    clear(checkpoints)
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


def _plan(examples: Examples, settings: TrainingSettings, processes: Processes) -> Plan:
    order = order_of(objective_of(settings, examples.shape), examples.shape)
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


def _publish(report: TrainingReport, encoder: TwinEncoder, out_folder: Path) -> TrainingReport:
    """Save the encoder with its report, both or neither."""
    try:
        out_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out_folder.name}.", dir=out_folder.parent) as aside:
            staged = Path(aside) / out_folder.name
            encoder.save(staged)
            finished = replace(report, fingerprint=encoder.fingerprint)
            page = report_page(finished, out_folder.name)
            for name, content in ((REPORT_FILE, report_json(finished)), (PAGE_FILE, page)):
                (staged / name).write_text(content, encoding="utf-8")
            publish(staged, out_folder)  # on the disk for good: the checkpoints are cleared after it
    except OSError as error:
        raise TrainingError(
            f"The trained encoder can't be written to {out_folder} ({error.strerror}). Free some space and start the "
            "training again; it goes on from its last checkpoint."
        ) from error
    return finished
