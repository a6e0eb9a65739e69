"""The identity of an encoder: equal fingerprints give equal vectors, whatever folder they were loaded from.

Hashed is what is used, not the bytes of files: weights by name, dtype, shape and bytes, the tokenizer
without its padding and truncation, and the settings. The pooler, which some checkpoints carry and no vector
passes, is left out. The precision is not a part: it is recorded beside the fingerprint.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor


def fingerprint(weights: Mapping[str, Tensor], tokenizer_json: str, settings: Mapping[str, object]) -> str:
    """SHA-256 in hex over everything that changes an encoder's vectors.

    Args:
        weights: The network's state by name.
        tokenizer_json: The tokenizer in a canonical form.
        settings: JSON values: pooling, normalisation, prompts, maximum length, dimension, the backbone's own.
    """
    used = sorted((name, tensor) for name, tensor in weights.items() if ".pooler." not in name)
    with ThreadPoolExecutor(max_workers=2) as pool:  # hashlib lets go of the lock: two hash twice as fast
        digests = list(pool.map(_tensor_digest, (tensor for _, tensor in used)))
    whole = hashlib.sha256()
    for (name, tensor), digest in zip(used, digests, strict=True):
        whole.update(json.dumps([name, str(tensor.dtype), list(tensor.shape), digest]).encode())
    whole.update(hashlib.sha256(tokenizer_json.encode()).digest())
    whole.update(json.dumps(settings, sort_keys=True).encode())
    return whole.hexdigest()


def _tensor_digest(tensor: Tensor) -> str:
    values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(values.numpy().data).hexdigest()
