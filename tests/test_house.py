"""The order of imports, the homes of the libraries and the list of dependencies hold in the whole house."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import files, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
UPSTREAM = {
    "ingest": {"ingest"},
    "search_app": {"search_app", "ingest"},
    "ui": {"ui", "search_app", "ingest"},
}
HOMES = {
    **dict.fromkeys(("pymilvus", "milvus_lite"), ("search_app/index", "search_app/engine")),
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors", "accelerate"), ("search_app/twin",)),
    **dict.fromkeys(("openvino", "nncf"), ("search_app/twin",)),
    "sqlalchemy": ("search_app/catalog", "search_app/lexical"),
    "click": ("search_app/cli",),
    "streamlit": ("ui",),
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "types"}
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
LINES = re.findall(r"^\| ([\w.-]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.replace("| package |", ""), re.M)


def imported(source: str) -> Iterator[str]:
    """The first word of every import, wherever in the file it stands; a relative one gives "."."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else str(node.module).split(".")[0]


def is_at_home(path: str, home: str) -> bool:
    return path == f"{home}.py" or path.startswith(f"{home}/")


def offences(path: str, source: str) -> list[str]:
    package = path.split("/")[0]
    found = []
    if NAMES_THAT_SAY_NOTHING & set(Path(path).with_suffix("").parts):
        found.append(f"{path} has a name that says nothing")
    for name in imported(source):
        homes = HOMES.get(name, (package,))
        if name == "." or (name in UPSTREAM and name not in UPSTREAM[package]):
            found.append(f"{path} imports {name}")
        elif not any(is_at_home(path, home) for home in homes):
            found.append(f"{path} imports {name}, which lives in {' and '.join(homes)}")
    return found


def modules_after(statement: str) -> set[str]:
    """First words of all modules that a fresh interpreter holds after the statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.split(".")[0] for name in json.loads(run.stdout)}


def test_every_import_points_upstream_and_every_library_is_at_home() -> None:
    files = [path for package in UPSTREAM for path in sorted((ROOT / package).rglob("*.py"))]
    found = [
        offence
        for path in files
        for offence in offences(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("ingest/a.py", "import search_app.config", ["ingest/a.py imports search_app"]),
        ("search_app/a.py", "def f():\n    from ui import app", ["search_app/a.py imports ui"]),
        ("ui/a.py", "from . import app", ["ui/a.py imports ."]),
        ("ui/a.py", "import torch.nn", ["ui/a.py imports torch, which lives in search_app/twin"]),
        (
            "search_app/indexes.py",
            "import pymilvus",
            ["search_app/indexes.py imports pymilvus, which lives in search_app/index and search_app/engine"],
        ),
        ("search_app/utils.py", "", ["search_app/utils.py has a name that says nothing"]),
        ("search_app/lexical.py", "import sqlalchemy\nfrom ingest.errors import ReadError", []),
        ("ui/pages/search.py", "import streamlit\nfrom search_app.app import SearchApp", []),
    ],
)
def test_what_stands_in_the_wrong_room_is_named(path: str, source: str, expected: list[str]) -> None:
    assert offences(path, source) == expected


def test_help_loads_neither_torch_nor_pymilvus() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "search_app.cli", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0
    assert run.stdout.startswith("Usage: twinsearch ")
    loaded = set(re.findall(r"^import time:[^|]+\|[^|]+\|\s*(\w+)", run.stderr, re.M))
    assert "click" in loaded
    assert loaded & {"torch", "transformers", "pymilvus", "milvus_lite", "pandas"} == set()


def test_no_module_of_ingest_loads_a_heavy_library() -> None:
    every_module = (
        "import importlib, pkgutil, ingest\n"
        "for found in pkgutil.walk_packages(ingest.__path__, 'ingest.'):\n"
        "    found.name.endswith('__main__') or importlib.import_module(found.name)"
    )
    loaded = modules_after(every_module)
    assert "ingest" in loaded
    assert loaded & {"torch", "transformers", "pymilvus", "pandas", "numpy", "pyarrow", "search_app"} == set()


def test_the_package_of_the_encoder_loads_torch_only_when_asked() -> None:
    assert modules_after("import search_app.twin") & {"torch", "transformers"} == set()


def test_every_direct_dependency_has_one_line_that_says_why() -> None:
    assert sorted(name for name, _, _ in LINES) == sorted(need.name for need in REQUIREMENTS)


def test_the_licences_are_those_that_the_packages_state() -> None:
    for name, _, licence in LINES:
        about = metadata(name)
        stated = [about["License-Expression"], about["License"], *about.get_all("Classifier", [])]
        if not any(part for part in stated[:2]) and "License ::" not in " ".join(part or "" for part in stated[2:]):
            stated = [own.read_text() for own in files(name) or () if own.name == "LICENSE"]
        text = " ".join(part[:200] for part in stated if part and "Topic" not in part)
        assert licence.split("-")[0].strip() in text, f"{name} states {text!r}"
        assert re.search(r"\b[AL]?GPL|GNU", text) is None, f"{name} states {text!r}"


def test_every_direct_dependency_is_pinned_to_a_version_that_pyproject_allows() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if not line.startswith("#"))
    refused = [need.name for need in REQUIREMENTS if not need.specifier.contains(pins.get(need.name, ""))]
    assert refused == []
    assert [name for name, version in pins.items() if "+" in version] == []
