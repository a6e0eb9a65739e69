"""Every setting of a training can be named, and a value of the wrong type is told."""

from dataclasses import replace

import pytest

from search_app.errors import UsageError
from search_app.requests import TrainRequest
from search_app.training_options import lstm_settings, training_settings
from search_app.twin.lstm import LstmSettings
from search_app.twin.training_settings import TrainingSettings


def test_what_nobody_said_is_the_default() -> None:
    assert training_settings(TrainRequest("x"), device="auto") == TrainingSettings()


def test_what_was_said_counts_in_its_type() -> None:
    request = TrainRequest(
        "x",
        loss="triplet",
        epochs=2,
        batch_size=8,
        learning_rate=3e-5,
        max_steps=7,
        dims=(384, 128),
        seed=4,
        options=("margin=0.2", "max-tokens = 256", "energy=manhattan", "patience=none", "device=cpu"),
    )
    assert training_settings(request, device="cuda") == TrainingSettings(
        loss="triplet",
        epochs=2,
        batch_size=8,
        learning_rate=3e-5,
        max_steps=7,
        dims=(384, 128),
        seed=4,
        margin=0.2,
        max_tokens=256,
        energy="manhattan",
        patience=None,
        device="cpu",
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("temperature=hot", "The setting temperature is 'hot'; expected a number. Say it as temperature=VALUE."),
        ("max_tokens=1.5", "The setting max_tokens is '1.5'; expected a whole number. Say it as max_tokens=VALUE."),
        ("patience=few", "The setting patience is 'few'; expected a whole number, or none. Say it as patience=VALUE."),
    ],
)
def test_a_value_of_the_wrong_type_is_told(option: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        training_settings(TrainRequest("x", options=(option,)), device="auto")
    assert str(refused.value) == said


def test_from_scratch_the_rate_is_higher_and_the_size_can_be_named() -> None:
    options = ("hidden_dim=16", "dim=32", "pooling=max", "max_tokens=64")
    request = TrainRequest("x", from_scratch="lstm", seed=3, options=options)
    settings = training_settings(request, device="cpu")
    assert (settings.learning_rate, settings.max_tokens) == (1e-3, 64)
    assert lstm_settings(request) == LstmSettings(hidden_dim=16, dim=32, pooling="max", seed=3)
    assert training_settings(replace(request, learning_rate=0.1), device="cpu").learning_rate == 0.1
    with pytest.raises(UsageError, match="'hidden_dim=16' is no setting of a training"):
        training_settings(replace(request, from_scratch=None), device="cpu")


@pytest.mark.parametrize("option", ["tempo=3", "temperature", "epochs=3", ""])
def test_an_unknown_setting_is_told_with_those_that_there_are(option: str) -> None:
    with pytest.raises(UsageError) as refused:
        training_settings(TrainRequest("x", options=(option,)), device="auto")
    assert str(refused.value).startswith(f"{option!r} is no setting of a training; expected NAME=VALUE with one of ")
    assert "temperature, margin" in str(refused.value)
    assert " epochs" not in str(refused.value)
