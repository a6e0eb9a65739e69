"""From what a person asked to the settings of a training: every field can be named, and none is guessed.

A training from scratch takes the settings of its LSTM among the others: those that a training hasn't itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, get_type_hints

from search_app.errors import UsageError
from search_app.requests import TrainRequest
from search_app.twin.lstm import LstmSettings
from search_app.twin.training_settings import TrainingSettings

_OWN_OPTIONS = ("loss", "teacher", "epochs", "batch_size", "learning_rate", "max_steps", "dims", "seed")
_RATE_FROM_SCRATCH = 1e-3  # random weights have far to go: at the usual rate nothing would be learned
_TRAINING = tuple(field.name for field in fields(TrainingSettings) if field.name not in _OWN_OPTIONS)
_LSTM = tuple(field.name for field in fields(LstmSettings) if field.name not in (*_OWN_OPTIONS, *_TRAINING))


def training_settings(request: TrainRequest, *, device: str) -> TrainingSettings:
    """The settings of the training; what nobody said is the default.

    Args:
        device: Where to train, unless the request's options say it.

    Raises:
        UsageError: An option isn't "name=value" with the name of a setting and a value of its type.
    """
    named = {name: getattr(request, name) for name in _OWN_OPTIONS}
    asked = {name: value for name, value in named.items() if value is not None}
    usual = {"learning_rate": _RATE_FROM_SCRATCH} if request.from_scratch else {}
    return replace(TrainingSettings(), **{"device": device} | usual | asked | _named(request, _TRAINING))


def lstm_settings(request: TrainRequest) -> LstmSettings:
    """How large the encoder is that a training from scratch begins.

    Raises:
        UsageError: As `training_settings`.
    """
    return LstmSettings(seed=request.seed, **_named(request, _LSTM))


def _named(request: TrainRequest, names: Sequence[str]) -> dict[str, Any]:
    """Those of the request's options that have these names; all of them are looked at."""
    known = (*_TRAINING, *_LSTM) if request.from_scratch else _TRAINING
    parsed = dict(_parsed(option, known) for option in request.options)
    return {name: value for name, value in parsed.items() if name in names}


def _parsed(option: str, names: Sequence[str]) -> tuple[str, Any]:
    name, is_given, text = option.partition("=")
    name = name.strip().replace("-", "_")
    if not is_given or name not in names:
        raise UsageError(
            f"{option!r} is no setting of a training; expected NAME=VALUE with one of {', '.join(names)}. "
            "The others have options of their own: see `twinsearch train --help`."
        )
    kind = (get_type_hints(LstmSettings) | get_type_hints(TrainingSettings))[name]
    expected, read = _READERS[kind]
    try:
        return name, read(text.strip())
    except ValueError as error:
        raise UsageError(f"The setting {name} is {text!r}; expected {expected}. Say it as {name}=VALUE.") from error


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text.casefold() == "none" else read(text)


_READERS: Mapping[Any, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        str: ("a word", str),
        int: ("a whole number", int),
        float: ("a number", float),
        str | None: ("a word, or none", _or_none(str)),
        int | None: ("a whole number, or none", _or_none(int)),
        float | None: ("a number, or none", _or_none(float)),
    }
)
