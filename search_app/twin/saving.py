"""Writes an encoder as a folder that sentence-transformers loads, whole or not at all.

The folder is written aside, flushed to the disk, and renamed. Names and keys are those that old and new
versions of sentence-transformers read.
"""

import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file

from search_app.errors import EncoderError
from search_app.twin.backbone import first_line
from search_app.twin.json_files import write_json
from search_app.twin.layout import Prompts
from search_app.twin.network import Projection, TwinNetwork
from search_app.twin.publishing import publish
from search_app.twin.tokenizer import TwinTokenizer

FINGERPRINT_FILE = "twinsearch.json"


def save_encoder(
    folder: Path,
    *,
    network: TwinNetwork,
    tokenizer: TwinTokenizer,
    prompts: Prompts,
    fingerprint: str,
) -> None:
    """A new encoder folder at `folder`, durable when this returns.

    Raises:
        EncoderError: The folder exists and isn't empty, or can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EncoderError(f"{folder} exists already; expected a new folder. Choose another name for the encoder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _write_parts(aside, network, tokenizer, pools_prompt=prompts.are_pooled)
            write_json(aside / "config_sentence_transformers.json", _prompt_config(prompts))
            write_json(aside / FINGERPRINT_FILE, {"schema": 1, "fingerprint": fingerprint})
            publish(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # safetensors has a kind of its own for a full disk
        reason = getattr(error, "strerror", None) or first_line(error)
        raise EncoderError(
            f"The encoder can't be saved as {folder} ({reason}). Free or choose another place, "
            "and run the command again."
        ) from error


def _write_parts(aside: Path, network: TwinNetwork, tokenizer: TwinTokenizer, *, pools_prompt: bool) -> None:
    length = tokenizer.max_tokens
    network.backbone.write(aside, max_tokens=length)
    modules = list(network.backbone.modules_written)
    first = aside / modules[0][0]  # sentence-transformers looks for the tokenizer there
    (first / "tokenizer.json").write_text(tokenizer.json, encoding="utf-8")
    write_json(first / "tokenizer_config.json", {**tokenizer.config, "model_max_length": length})
    modules.append((f"{len(modules)}_Pooling", "Pooling"))
    names = network.poolings
    pooling = {
        "word_embedding_dimension": network.backbone.width,
        "pooling_mode": names[0] if len(names) == 1 else list(names),
        "include_prompt": pools_prompt,
    }
    write_json(aside / modules[-1][0] / "config.json", pooling)
    for projection in network.projections():
        modules.append((f"{len(modules)}_Dense", "Dense"))
        _write_projection(aside / modules[-1][0], projection)
    modules.append((f"{len(modules)}_Normalize", "Normalize"))
    (aside / modules[-1][0]).mkdir()
    write_json(aside / "modules.json", [_module(index, *module) for index, module in enumerate(modules)])


def _module(index: int, path: str, kind: str) -> dict[str, object]:
    return {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}


def _write_projection(folder: Path, projection: Projection) -> None:
    config = {
        "in_features": projection.inputs,
        "out_features": projection.outputs,
        "bias": projection.linear.bias is not None,
        "activation_function": projection.activation_name,
    }
    write_json(folder / "config.json", config)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in projection.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def _prompt_config(prompts: Prompts) -> dict[str, object]:
    return {
        "model_type": "SentenceTransformer",
        "prompts": {"document": prompts.document, "query": prompts.query},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
