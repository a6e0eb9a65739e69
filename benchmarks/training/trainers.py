"""The same training by two trainers: Twinsearch's, and that of sentence-transformers.

Both get the same base, batches of the same rows, loss, number of steps, schedule, seed and length of texts. Neither
measures while it trains. The seconds are those of the whole run: loading the base, training, saving the encoder.
Beside those of the clock stand those of the processor, which tell more on a machine that does other things too.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ingest.progress import unheard
from search_app.config import DEFAULT_ENCODER
from search_app.twin.batches import Plan, plan_batches
from search_app.twin.examples import RANKED, Examples
from search_app.twin.objectives import order_of
from search_app.twin.resolution import resolve
from search_app.twin.trainer import PlannedBatches
from search_app.twin.training import TrainingSettings, train
from search_app.twin.training_settings import objective_of

Trainer = Callable[[Examples, TrainingSettings, Path], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """What one call of the benchmark works with; `max_steps` cuts every run short."""

    data: Path
    work: Path
    trainers: tuple[str, ...]
    seeds: Sequence[int]
    max_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One finished training."""

    trainer: str
    seed: int
    folder: Path
    seconds: float
    processor_seconds: float


def run_all(bench: Bench, name: str, examples: Examples, settings: TrainingSettings) -> list[Run]:
    """A run of each trainer for each seed, one trainer after the other, so that both meet the same weather.

    Args:
        name: Of the recipe; the encoders lie in the work folder under it.
    """
    chosen = replace(settings, max_steps=bench.max_steps or settings.max_steps)
    return [
        _run(trainer, examples, replace(chosen, seed=seed), bench.work / f"{name}-{trainer}-{seed}")
        for seed in bench.seeds
        for trainer in bench.trainers
    ]


def _run(trainer: str, examples: Examples, settings: TrainingSettings, folder: Path) -> Run:
    """The run whose encoder is in this folder, done now if it isn't there yet."""
    notes = folder.with_suffix(".json")
    if not notes.is_file():
        begun, used = time.monotonic(), time.process_time()
        TRAINERS[trainer](examples, settings, folder)
        taken = {"seconds": time.monotonic() - begun, "processor_seconds": time.process_time() - used}
        notes.write_text(json.dumps(taken), encoding="utf-8")
    return Run(trainer, settings.seed, folder, **json.loads(notes.read_text(encoding="utf-8")))


def _twinsearch(examples: Examples, settings: TrainingSettings, folder: Path) -> None:
    checkpoints = folder.with_suffix(".checkpoints")
    train(DEFAULT_ENCODER, examples, settings, folder, report=unheard, checkpoints=checkpoints)


def _sentence_transformers(examples: Examples, settings: TrainingSettings, folder: Path) -> None:
    try:
        from datasets import Dataset
        from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
        from sentence_transformers.sentence_transformer import losses
    except ImportError as error:
        sys.exit(f"sentence-transformers' trainer is not installed ({error}): pip install 'twinsearch[dev]'.")

    class SameBatches(SentenceTransformerTrainer):
        """Goes through the plan that ours goes through, since other batches alone make half a point of difference."""

        def get_batch_sampler(self, *_: Any, **__: Any) -> Any:
            return PlannedBatches(plan)

    plan = _plan(examples, settings)
    model = SentenceTransformer(str(resolve(DEFAULT_ENCODER)), device="cpu")
    limit, model.max_seq_length = model.max_seq_length, settings.max_tokens
    loss = getattr(losses, _THEIR_LOSSES[settings.loss])(model, scale=1 / settings.temperature)
    with tempfile.TemporaryDirectory(prefix="twinsearch-bench-") as aside:
        trainer = SameBatches(
            model=model,
            args=_their_arguments(plan, settings, aside),
            train_dataset=Dataset.from_dict(_columns(examples)),
            loss=loss,
        )
        trainer.train()
    model.max_seq_length = limit
    model.save_pretrained(str(folder))


def _plan(examples: Examples, settings: TrainingSettings) -> Plan:
    """The batches that ours takes for these settings."""
    order = order_of(objective_of(settings, examples.shape), examples.shape)
    plan = plan_batches(examples.rows, settings.batch_size, order=order, epochs=settings.epochs, seed=settings.seed)
    return plan[: settings.max_steps]


def _their_arguments(plan: Plan, settings: TrainingSettings, folder: str) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        max_steps=len(plan),
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=round(settings.warmup_share * len(plan)),
        seed=settings.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )


def _columns(examples: Examples) -> dict[str, list[Any]]:
    """The rows as the columns that sentence-transformers goes by: their order is their meaning."""
    width = min(len(row.texts) for row in examples.rows)
    columns: dict[str, list[Any]] = {
        f"text_{place}": [row.texts[place] for row in examples.rows] for place in range(width)
    }
    if examples.shape not in RANKED:
        columns["score"] = [row.label for row in examples.rows]
    return columns


_THEIR_LOSSES = {"cosent": "CoSENTLoss", "in-batch-negatives": "MultipleNegativesRankingLoss"}

TRAINERS: Mapping[str, Trainer] = MappingProxyType(
    {"Twinsearch": _twinsearch, "sentence-transformers": _sentence_transformers}
)
