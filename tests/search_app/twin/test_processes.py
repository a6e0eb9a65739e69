"""Two processes that share each batch against one that has all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import ENERGIES
from search_app.twin.examples import Example, Shape
from search_app.twin.objectives import OBJECTIVES, LossOptions, narrowed
from search_app.twin.processes import ALONE, Processes
from search_app.twin.trainee import Trainee, collate

# Seven rows, so that the shares differ in size, with negatives in the first share only.
QUERIES = [Example((f"copy file {n}", f"the folder {n} " * (n + 1), *[f"rain {n}"] * (n == 1) * 2)) for n in range(7)]
BATCHES = {
    "in-batch-negatives": (Shape.QUERIES, QUERIES),
    "cached-in-batch-negatives": (Shape.QUERIES, QUERIES),
    "triplet": (Shape.QUERIES, QUERIES),
    "distillation": (Shape.QUERIES, QUERIES),
    "cosent": (Shape.SCORED_PAIRS, [Example((f"a fox {n}", f"dog {n} " * n), n * 3 % 7 / 7) for n in range(1, 8)]),
    "softmax": (Shape.CLASSIFIED_PAIRS, [Example((f"a fox {n}", f"dog {n} " * n), n % 3) for n in range(1, 8)]),
    "batch-hard": (Shape.CLASSES, [Example((f"the {word} sleeps",), n % 2) for n, word in enumerate("abcdefg")]),
}


def step(name: str, folder: Path, processes: Processes) -> dict[str, torch.Tensor]:
    """The loss of a batch and all gradients, after a backward pass without dropout."""
    shape, rows = BATCHES[name]
    encoder = TwinEncoder.load(folder, device="cpu", precision="fp32")
    objective = OBJECTIVES[name]
    torch.manual_seed(3)
    head = torch.nn.Linear(3 * encoder.dim, 3) if objective.trains_head else None
    options = LossOptions(0.05, 0.5, ENERGIES[objective.energy], head)
    trainee = Trainee(
        encoder.network,
        narrowed(objective.compute, options, ()),
        head=head,
        cached_rows=2 if objective.is_cached else None,
        processes=processes,
    ).eval()
    teacher = encoder if objective.needs_teacher else None
    share = processes.share(rows)
    batch = collate(encoder, shape, share, max_tokens=32, teacher=teacher)
    if teacher is not None:
        batch["targets"] = batch["targets"].flip(1)  # other vectors than the student's own
    loss = trainee(**batch)["loss"]
    loss.backward()
    processes.sum_gradients(encoder.network.parameters(), whole=() if head is None else head.parameters())
    gradients = {name: one.grad for name, one in trainee.named_parameters() if one.grad is not None}
    return {"loss": loss.detach(), **gradients}


def torchrun(*command: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(run, capture_output=True, text=True, check=False, env=environment, timeout=300)


@pytest.mark.slow
def test_two_processes_make_the_step_that_one_makes_with_the_whole_batch(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "step.py"
    script.write_text(
        f"""
import sys
from pathlib import Path
from safetensors.torch import save_file
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_processes import BATCHES, step
from search_app.twin.processes import join_processes

processes = join_processes()
for name in BATCHES:
    save_file(step(name, Path({str(tiny_encoder_folder)!r}), processes), f"{tmp_path}/{{name}}-{{processes.rank}}")
"""
    )
    done = torchrun(str(script))
    assert done.returncode == 0, done.stderr
    for name in BATCHES:
        expected = step(name, tiny_encoder_folder, ALONE)
        for rank in (0, 1):
            found = load_file(tmp_path / f"{name}-{rank}")
            assert found.keys() == expected.keys()
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_command_trains_under_torchrun_and_only_its_first_process_writes(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.csv"
    rows = [f"copy {one}{two} file,the {two}{one} folder" for one in "abcdef" for two in "ghiklm"]
    pairs.write_text("\n".join(["query,positive", *rows]))
    home = tmp_path / "home"
    base, where = str(tiny_encoder_folder), str(home)
    command = ["train", "--pairs", str(pairs), "--base", base, "--name", "both", "--home", where]
    done = torchrun("-m", "search_app.cli", *command, "--epochs", "1", "--learning-rate", "1e-3", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["process_count"] == 2
    assert report == json.loads((home / "encoders" / "both" / "report.json").read_text())
    assert report["after"]["loss"] < report["before"]["loss"]
    assert [path.name for path in (home / "encoders").iterdir()] == ["both"]
    assert len(list((home / "jobs").iterdir())) == 1


def test_the_shares_of_all_processes_are_the_batch_in_its_order() -> None:
    batch = list(range(7))
    for count in (1, 2, 3, 7):
        shares = [Processes(rank, count).share(batch) for rank in range(count)]
        assert [row for share in shares for row in share] == batch
        assert min(map(len, shares)) >= 1
