"""What an encoder's folder says that it is, read without running or unpickling anything.

A folder of sentence-transformers is a backbone (Transformer, or WordEmbeddings and LSTM), Pooling, any number
of Dense, and Normalize, in this order, named in `modules.json` by the names of old and new versions. Every
other module, code of its own, pickled weights and paths that leave the folder are refused by name. A folder
without `modules.json` is a bare transformer and is read with mean pooling. A folder without Normalize is read
as if it had one: a vector of Twinsearch always has length 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from search_app.errors import EncoderError
from search_app.twin.json_files import optional_json, read_json, read_value
from search_app.twin.pooling import POOLINGS

Kind = Literal["document", "query"]

WHOLE_TOKENIZER = "sentence_transformers.models.tokenizer.TransformersTokenizerWrapper"

_KINDS = ("Transformer", "WordEmbeddings", "LSTM", "Pooling", "Dense", "Normalize")
_MODULE_TYPE = re.compile(rf"sentence_transformers(?:\.[a-z_]+)+\.({'|'.join(_KINDS)})")
_MODULE_ORDER = re.compile(r"(Transformer|WordEmbeddings LSTM) Pooling( Dense)*( Normalize)?")
_BARE_MODULES: list[Any] = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "", "type": "sentence_transformers.models.Pooling"},
]
_STATED_BY = tuple(  # the file of a transformer's length, by the family that older versions wrote into its name
    f"sentence_{family}_config.json"
    for family in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_LEGACY_POOLINGS = {  # in the order in which sentence-transformers sets several side by side
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_PROMPT_NAMES: Mapping[Kind, tuple[str, ...]] = {
    "document": ("document", "passage", "corpus"),
    "query": ("query",),
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is written before a text of each kind, and whether its tokens are pooled too or only read."""

    document: str = ""
    query: str = ""
    are_pooled: bool = True

    def of(self, kind: Kind) -> str:
        """The prompt of a kind of text."""
        return self.query if kind == "query" else self.document


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of an encoder's folder, checked, with nothing heavy loaded.

    Attributes:
        backbone: Its modules' folders, one of a transformer, two of an LSTM; the tokenizer lies in the first.
        max_tokens: As stated; None: as long as the backbone allows.
        truncated_dim: So many components of a vector are kept; None: all.
    """

    folder: Path
    backbone: tuple[Path, ...]
    projections: tuple[Path, ...]
    poolings: tuple[str, ...]
    prompts: Prompts
    max_tokens: int | None
    lowercase: bool
    truncated_dim: int | None


def read_layout(folder: Path) -> Layout:
    """The checked layout of an encoder's folder.

    Raises:
        EncoderError: A file is missing or malformed, or the folder holds what must not or can't be loaded.
    """
    roles = _module_roles(folder)
    backbone = (*roles["Transformer"], *roles["WordEmbeddings"], *roles["LSTM"])
    _refuse_foreign_code(backbone[0])
    for weighty in (*backbone, *roles["Dense"]):
        _refuse_pickles(weighty)
    bare = not (folder / "modules.json").is_file()
    pooling = {} if bare else read_json(roles["Pooling"][0] / "config.json")
    stated = next(filter(None, (optional_json(backbone[0] / name) for name in _STATED_BY)), {})
    if roles["LSTM"]:
        stated = read_json(backbone[0] / "wordembedding_config.json")
        _refuse_foreign_tokenizer(folder, str(stated.get("tokenizer_class")))
    config = optional_json(folder / "config_sentence_transformers.json")
    return Layout(
        folder=folder,
        backbone=backbone,
        projections=tuple(roles["Dense"]),
        poolings=_pooling_names(folder, pooling),
        prompts=_prompts(folder, config, are_pooled=bool(pooling.get("include_prompt", True))),
        max_tokens=_stated_length(backbone[0], stated),
        lowercase=bool(stated.get("do_lower_case", False)),
        truncated_dim=_stated_dim(folder, config.get("truncate_dim")),
    )


def _module_roles(folder: Path) -> dict[str, list[Path]]:
    """The folders of each kind of module, from modules.json."""
    path = folder / "modules.json"
    modules = read_value(path) if path.is_file() else _BARE_MODULES
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise EncoderError(f"{path} is malformed; expected a list of modules. Fetch the encoder again.")
    roles: dict[str, list[Path]] = {kind: [] for kind in _KINDS}
    for module in modules:
        roles[_role(folder, str(module.get("type")))].append(_inside(folder, str(module.get("path", ""))))
    order = " ".join(_role(folder, str(module.get("type"))) for module in modules)
    if not _MODULE_ORDER.fullmatch(order):
        raise EncoderError(
            f"The modules of {folder} are {order or 'none'}; expected Transformer (or WordEmbeddings and LSTM), "
            "Pooling, then Dense if any, then Normalize. Choose another encoder."
        )
    return roles


def _role(folder: Path, type_name: str) -> str:
    match = _MODULE_TYPE.fullmatch(type_name)
    if match is None:
        raise EncoderError(
            f"The encoder in {folder} has a module {type_name!r}; expected {', '.join(_KINDS)} of "
            "sentence-transformers and no code of its own. Choose another encoder."
        )
    return match[1]


def _inside(folder: Path, path: str) -> Path:
    """The folder of a module; lexical, since the hub's cache consists of links that lead out of it."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise EncoderError(
            f"A module of {folder} lies at {path!r}, outside of its folder; expected a folder inside. "
            "Don't use this encoder."
        )
    return folder / parts


def _refuse_foreign_code(transformer: Path) -> None:
    if (transformer / "adapter_config.json").is_file():
        raise EncoderError(
            f"The encoder in {transformer} is an adapter that needs another model; expected whole weights. "
            "Merge the adapter into its model and save that."
        )
    for name in ("config.json", "tokenizer_config.json"):
        if "auto_map" in optional_json(transformer / name):
            raise EncoderError(
                f"{transformer / name} asks for code of its own (auto_map), which is never run; expected an "
                "encoder that transformers knows. Choose another encoder."
            )


def _refuse_foreign_tokenizer(folder: Path, class_name: str) -> None:
    if class_name.rsplit(".", 1)[-1] != WHOLE_TOKENIZER.rsplit(".", 1)[-1]:
        raise EncoderError(
            f"The LSTM in {folder} reads words by {class_name!r}; expected TransformersTokenizerWrapper with a "
            "tokenizer.json. Choose another encoder."
        )


def _refuse_pickles(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.ckpt") for path in folder.glob(pattern))
    found = f"only {pickles[0]}, a pickle, which is never loaded" if pickles else "none"
    raise EncoderError(
        f"The weights of {folder} must be safetensors, but there is {found}. "
        "Save the encoder as safetensors, or choose another."
    )


def _pooling_names(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The poolings in either spelling: a name or names, or one flag for each."""
    flagged = tuple(name for flag, name in _LEGACY_POOLINGS.items() if config.get(flag))
    given = config.get("pooling_mode") or flagged or "mean"
    names = tuple(given) if isinstance(given, list | tuple) else (given,)
    unknown = [name for name in names if str(name) not in POOLINGS]
    if unknown:
        raise EncoderError(
            f"The encoder in {folder} pools by {unknown[0]!r}; expected {', '.join(POOLINGS)}. Choose another encoder."
        )
    return names


def _prompts(folder: Path, config: Mapping[str, Any], *, are_pooled: bool) -> Prompts:
    """What stands before each kind: its own prompt, else the default, unless its own is stated empty."""
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str | None) for prompt in prompts.values()):
        raise EncoderError(
            f"The encoder in {folder} states the prompts {prompts!r}; expected texts by their names. "
            "Mend prompts in config_sentence_transformers.json."
        )
    default = prompts.get(str(config.get("default_prompt_name"))) or ""
    chosen: dict[Kind, str] = {}
    for kind, names in _PROMPT_NAMES.items():
        stated = [prompts[name] or "" for name in names if name in prompts]
        chosen[kind] = next(filter(None, stated), "" if stated else default)
    return Prompts(**chosen, are_pooled=are_pooled)


def _stated_dim(folder: Path, dim: object) -> int | None:
    if dim is None or isinstance(dim, int):
        return dim
    raise EncoderError(
        f"The encoder in {folder} states vectors of {dim!r} components; expected a number. "
        "Mend truncate_dim in config_sentence_transformers.json."
    )


def _stated_length(transformer: Path, stated: Mapping[str, Any]) -> int | None:
    """The longest text in tokens; version 6 states it with the tokenizer."""
    length = stated.get("max_seq_length")
    if length is None:
        length = optional_json(transformer / "tokenizer_config.json").get("model_max_length")
    if length is None or (isinstance(length, int | float) and length > 1_000_000):  # 1e30 is written for "unknown"
        return None
    if not isinstance(length, int) or length < 3:
        raise EncoderError(
            f"The encoder in {transformer} states a maximum of {length!r} tokens; expected a number from 3 "
            "on. Mend max_seq_length in sentence_bert_config.json."
        )
    return length
