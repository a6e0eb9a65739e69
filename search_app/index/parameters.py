"""How Milvus builds the index over a collection's vectors, and how far a search looks in it.

What an index was built with stays until its generation is dropped; how far a search looks can change with each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_app.errors import IndexFailure

EF_MAX = 32_768  # a Milvus server's own

_EF_LEAST = 128  # recall above 0.99 for ten hits in our collections
_EF_PER_HIT = 4
_COMPONENTS_A_CODE = 8  # of a vector, for IVF_PQ

# Milvus Lite walks over every row in Python in any case; to compare them all exactly adds a few milliseconds
# at 100,000, and there is nothing to build. A server holds more, so it gets a graph.
_AUTO_EMBEDDED, _AUTO_SERVER = "FLAT", "HNSW"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index of new generations, and how far searches look.

    Args:
        kind: "auto", or one of KINDS; auto is FLAT (exact) on embedded Milvus and HNSW on a server.
        m: HNSW: neighbours of a row; more finds more, and takes memory.
        ef_construction: HNSW: candidates while it is built; more finds more, and takes longer to build.
        ef: HNSW: candidates of a search; 0 is 4 for each row that is asked for, and at least 128.
        lists: IVF: how many lists the rows are dealt into.
        probes: IVF: how many lists a search looks into; rows of the others can't be found.
    """

    kind: str = "auto"
    m: int = 16
    ef_construction: int = 200
    ef: int = 0
    lists: int = 128
    probes: int = 16

    def __post_init__(self) -> None:
        """Refuses a kind that there isn't; as a ValueError, which a setting's sentence is made of."""
        if self.kind != "auto" and self.kind not in KINDS:
            raise ValueError(f"there is no index {self.kind!r}; choose auto, {', '.join(KINDS)}")

    def chosen(self, *, is_embedded: bool) -> str:
        """The kind for this Milvus.

        Raises:
            IndexFailure: Embedded Milvus doesn't know it.
        """
        if self.kind == "auto":
            return _AUTO_EMBEDDED if is_embedded else _AUTO_SERVER
        if is_embedded and self.kind not in _EMBEDDED:
            raise IndexFailure(
                f"Embedded Milvus has no index {self.kind}; it has {', '.join(_EMBEDDED)}. Change the setting "
                "index.kind, or use a Milvus server."
            )
        return self.kind

    def build(self, kind: str, dim: int) -> dict[str, Any]:
        """What an index of this kind is built with."""
        return KINDS[kind](self, dim)

    def walk(self, built: "BuiltIndex", limit: int, *, effort: int | None, exact: bool) -> dict[str, int]:
        """How far a search for `limit` rows looks; `effort` overrides the settings, `exact` looks everywhere."""
        if built.effort_name == "ef":
            candidates = effort or max(self.ef or _EF_PER_HIT * limit, _EF_LEAST)
            return {"ef": EF_MAX if exact else min(max(candidates, limit), EF_MAX)}
        if built.effort_name == "nprobe":
            return {"nprobe": built.list_count if exact else min(effort or self.probes, built.list_count)}
        return {}


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """The index that a collection has, and what it was built with, as Milvus tells it."""

    kind: str
    parameters: Mapping[str, str]

    @property
    def effort_name(self) -> str | None:
        """Milvus' name for how far a search looks: ef, nprobe, or None where there is no choice."""
        if self.kind.startswith("HNSW"):
            return "ef"
        return "nprobe" if self.kind.startswith(("IVF", "SCANN")) else None

    @property
    def list_count(self) -> int:
        """How many lists an IVF index has."""
        return int(self.parameters.get("nlist", 1))


def _graph(settings: IndexSettings, _dim: int) -> dict[str, Any]:
    return {"M": settings.m, "efConstruction": settings.ef_construction}


def _lists(settings: IndexSettings, _dim: int) -> dict[str, Any]:
    return {"nlist": settings.lists}


def _codes(settings: IndexSettings, dim: int) -> dict[str, Any]:
    whole = dim % _COMPONENTS_A_CODE == 0
    return {"nlist": settings.lists, "m": dim // _COMPONENTS_A_CODE if whole else dim, "nbits": 8}


def _nothing(_settings: IndexSettings, _dim: int) -> dict[str, Any]:
    return {}


# HNSW_SQ, IVF_SQ8 and IVF_PQ keep vectors in a quarter of their bytes or less; HNSW_SQ needs Milvus 2.6 on a server.
KINDS: Mapping[str, Callable[[IndexSettings, int], dict[str, Any]]] = {
    "FLAT": _nothing,
    "HNSW": _graph,
    "HNSW_SQ": lambda settings, dim: {**_graph(settings, dim), "sq_type": "SQ8"},
    "IVF_FLAT": _lists,
    "IVF_SQ8": _lists,
    "IVF_PQ": _codes,
    "SCANN": _lists,
    "AUTOINDEX": _nothing,
}
_EMBEDDED = ("FLAT", "HNSW", "HNSW_SQ", "IVF_FLAT", "IVF_SQ8")
