from pathlib import Path

from search_app.twin.checkpoints import complete_checkpoints, open_checkpoints, seal, sweep


def checkpoint(folder: Path, step: int, *, sealed: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_text("weights")
    if sealed:
        seal(path)
    return path


def test_the_newest_complete_checkpoint_is_found_and_a_cut_off_one_is_swept_away(tmp_path: Path) -> None:
    assert open_checkpoints(tmp_path, "run 1") is None
    checkpoint(tmp_path, 8)
    newest = checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 12, sealed=False)
    assert open_checkpoints(tmp_path, "run 1") == newest
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-10", "checkpoint-8"]


def test_another_run_begins_anew(tmp_path: Path) -> None:
    open_checkpoints(tmp_path, "run 1")
    checkpoint(tmp_path, 5)
    assert open_checkpoints(tmp_path, "run 2") is None
    assert complete_checkpoints(tmp_path) == []


def test_a_sweep_keeps_what_it_is_told(tmp_path: Path) -> None:
    kept = [checkpoint(tmp_path, step) for step in (2, 4, 6)][1]
    sweep(tmp_path, [kept])
    assert complete_checkpoints(tmp_path) == [kept]
