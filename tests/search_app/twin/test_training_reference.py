"""A run against the same steps written out in torch: optimiser, warm-up, decay, accumulation, clipping."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from search_app.twin.batches import apart, plan_batches
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Examples
from search_app.twin.losses import in_batch_negatives

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def without_dropout(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "without_dropout")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def by_hand(
    folder: Path, examples: Examples, *, accumulation: int, longest: float, warmup_steps: int, rate: float
) -> dict[str, Tensor]:
    """The weights after one epoch of AdamW, whose rate rises from 0 over the warm-up and then falls to 0."""
    encoder = TwinEncoder.load(folder, device="cpu", precision="fp32")
    weights = [one for name, one in encoder.network.named_parameters() if "pooler" not in name]
    optimiser = torch.optim.AdamW(weights, weight_decay=0.0)
    plan = plan_batches(examples.rows, 8, order=apart)
    groups = [plan[start : start + accumulation] for start in range(0, len(plan), accumulation)]
    for step, group in enumerate(groups):
        for batch in group:
            queries, positives = ([examples.rows[number].texts[side] for number in batch] for side in (0, 1))
            vectors = [encoder.network(encoder.features(texts)) for texts in (queries, positives)]
            (in_batch_negatives(*vectors) / len(group)).backward()
        torch.nn.utils.clip_grad_norm_(weights, longest)
        falling = (len(groups) - step) / (len(groups) - warmup_steps)
        optimiser.param_groups[0]["lr"] = rate * (step / warmup_steps if step < warmup_steps else falling)
        optimiser.step()
        optimiser.zero_grad()
    return encoder.network.state_dict()


@pytest.mark.parametrize(
    "how",
    [
        {"accumulation": 1, "longest": 1e9, "warmup_steps": 0},
        {"accumulation": 2, "longest": 1e9, "warmup_steps": 0},
        {"accumulation": 1, "longest": 1e-3, "warmup_steps": 0},
        {"accumulation": 1, "longest": 1e9, "warmup_steps": 2},
        {"accumulation": 2, "longest": 0.1, "warmup_steps": 1},
    ],
)
def test_a_run_ends_with_the_weights_of_the_same_steps_written_out(
    train_tiny: Callable, forty_queries: Examples, without_dropout: Path, tmp_path: Path, how: dict[str, Any]
) -> None:
    rate, step_count = 1e-3, 5 if how["accumulation"] == 1 else 3
    expected = by_hand(without_dropout, forty_queries, rate=rate, **how)
    report = train_tiny(
        forty_queries,
        base=without_dropout,
        epochs=1,
        held_out_share=0,
        learning_rate=rate,
        accumulation=how["accumulation"],
        longest_gradient=how["longest"],
        warmup_share=how["warmup_steps"] / step_count,
    )
    assert report.step_count == step_count
    found = TwinEncoder.load(tmp_path / "out", device="cpu", precision="fp32").network.state_dict()
    start = TwinEncoder.load(without_dropout, device="cpu", precision="fp32").network.state_dict()
    # Attention doesn't see a bias of its keys: its gradient is rounding alone, which AdamW takes for a direction.
    seen = [name for name, one in found.items() if one.is_floating_point() and "key.bias" not in name]
    for name in seen:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5, msg=name)
    assert max((found[name] - start[name]).abs().max() for name in seen) > 1e-3
