"""What can be seen of learning from outside: the curve of a training under way or done, and the reports it left."""

from pathlib import Path

from search_app.catalog.generations import Generation
from search_app.catalog.jobs import Job
from search_app.config import Home
from search_app.encoders import Encoders
from search_app.learning.loop import LOOP_PAGE, NAME_FILE, report_folder
from search_app.twin.curve import LearningCurve, curve_of, read_curve
from search_app.twin.training_report import PAGE_FILE, read_report


def training_curve(encoders: Encoders, job: Job, folder: Path) -> LearningCurve | None:
    """The curve of a job that trains, from its checkpoints or from the encoder that it left; None while there is none.

    Args:
        folder: Of the job.
    """
    if (curve := read_curve(folder / "checkpoints")) is not None:
        return curve
    name = _encoder_name(job, folder)
    report = read_report(encoders.folder(name)) if name else None
    return curve_of(report) if report is not None else None


def report_file(home: Home, encoders: Encoders, generation: Generation) -> Path | None:
    """The page about how a generation came about: of the loop that built it, else of its encoder's training."""
    pages = (
        report_folder(home, generation) / LOOP_PAGE,
        encoders.folder(generation.encoder_name) / PAGE_FILE,
    )
    return next((page for page in pages if page.is_file()), None)


def _encoder_name(job: Job, folder: Path) -> str:
    """The name as it was asked for, else the one that the loop chose; empty before that."""
    asked = job.arguments.get("name")
    kept = folder / NAME_FILE
    return str(asked) if asked else kept.read_text(encoding="utf-8") if kept.is_file() else ""
