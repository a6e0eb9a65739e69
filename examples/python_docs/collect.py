"""Collect the documentation of Python's standard library from the interpreter that runs this.

Every public function, class and method that has a docstring of its own becomes one document, and no object
becomes two: it stands under its public home, `asyncio.gather` and not `asyncio.tasks.gather`, an inherited
method only under the class that defines it. One interpreter always gives the same bytes, whatever its hash
seed, its environment and its working folder.

    python examples/python_docs/collect.py OUT.jsonl

Nothing is done to a module but importing it; those that open windows or print when imported are left alone.
"""

import argparse
import functools
import importlib
import inspect
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

# Not imported: they act when imported, need a screen, are tests, or repeat what a public module offers.
_LEFT_OUT = """
    antigravity distutils ensurepip genericpath idlelib imp lib2to3 nt ntpath nturl2path opcode posix
    posixpath pydoc_data pyexpat sre_compile sre_constants sre_parse test this tkinter turtle turtledemo
    xxlimited xxlimited_35 xxsubtype
"""
# Submodules with a page of their own in the library reference; others are inner parts of their package.
_SUBMODULES = """
    collections.abc concurrent.futures ctypes.util curses.ascii curses.panel curses.textpad dbm.dumb
    dbm.gnu dbm.ndbm dbm.sqlite3 email.charset email.contentmanager email.encoders email.errors
    email.generator email.header email.headerregistry email.iterators email.message
    email.mime.application email.mime.audio email.mime.base email.mime.image email.mime.message
    email.mime.multipart email.mime.nonmultipart email.mime.text email.parser email.policy email.utils
    encodings.idna html.entities html.parser http.client http.cookiejar http.cookies http.server
    importlib.abc importlib.machinery importlib.metadata importlib.resources importlib.resources.abc
    importlib.util logging.config logging.handlers multiprocessing.connection multiprocessing.dummy
    multiprocessing.managers multiprocessing.pool multiprocessing.shared_memory
    multiprocessing.sharedctypes os.path unittest.mock urllib.error urllib.parse urllib.request
    urllib.response urllib.robotparser wsgiref.handlers wsgiref.headers wsgiref.simple_server
    wsgiref.types wsgiref.util wsgiref.validate xml.dom.minidom xml.dom.pulldom xml.etree.ElementTree
    xml.parsers.expat xml.sax.handler xml.sax.saxutils xml.sax.xmlreader xmlrpc.client xmlrpc.server
"""
# Docstrings that Python wrote by itself: of ast nodes, named tuples and enumerations.
_SAYS_NOTHING = re.compile(r"\w+\s*(\([^()]*\))?\.?|An enumeration\.|Deprecated AST node class\..*")
_LITERALS = (type(None), bool, int, float, str, bytes, tuple)
_LONGEST_DEFAULT = 40  # characters; longer ones bury the rest of the signature
_WRAPPERS = (classmethod, staticmethod)
_CACHED = type(functools.cache(len))  # what `functools.cache` makes of a function


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented object: its id is `module.name` or `module.Class.method`."""

    id: str
    title: str
    text: str
    module: str
    kind: str  # function, class or method

    def line(self) -> str:
        """One line of JSON, with the columns that `twinsearch ingest` recognises and two of metadata."""
        columns = {
            "_id": self.id,
            "title": self.title,
            "text": self.text,
            "module": self.module,
            "kind": self.kind,
        }
        return json.dumps(columns, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class _Place:
    """A name under which an object can be reached; the place with the lowest rank is its home."""

    rank: tuple[bool | int | str, ...]
    module: str
    name: str
    value: Any  # what `inspect` reads the signature from
    raw: Any  # what two places of one object have in common

    @property
    def title(self) -> str:
        return self.name if self.module == "builtins" else f"{self.module}.{self.name}"


def collect(report: Callable[[str], None]) -> list[Entry]:
    """All entries, sorted by id; `report` is told in one sentence which modules this interpreter lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # many modules announce on import that they will be removed
        places = _places(dict(_modules(report)))
        entries = [entry for place in places if (entry := _entry(place)) is not None]
    return sorted(entries, key=lambda entry: entry.id)


def _places(modules: dict[str, ModuleType]) -> list[_Place]:
    """The home of every public object."""
    names = set(modules)
    tops = _homes(place for name, module in modules.items() for place in _members(name, module, names))
    classes = [top for top in tops if inspect.isclass(top.value)]
    documented = {owner.value for owner in classes}
    methods = _homes(place for owner in classes for place in _methods(owner, documented))
    functions = {id(top.raw) for top in tops}  # random.choice is also a method of random.Random
    return [*tops, *(method for method in methods if id(method.raw) not in functions)]


def _modules(report: Callable[[str], None]) -> Iterator[tuple[str, ModuleType]]:
    top_level = {name for name in sys.stdlib_module_names if not name.startswith("_")}
    missing = []
    for name in sorted(top_level.difference(_LEFT_OUT.split()).union(_SUBMODULES.split())):
        try:
            yield name, importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        report(f"Not in the collection, for this Python can't import them: {', '.join(missing)}.")


def _members(module_name: str, module: ModuleType, documented: set[str]) -> Iterator[_Place]:
    """The public functions and classes of a module, without those it imports from another documented one."""
    declared = set(getattr(module, "__all__", ()))
    for name in sorted(declared or vars(module)):
        value = getattr(module, name, None)
        if name.startswith("_") or not _is_documentable(value):
            continue
        origin = getattr(value, "__module__", None)
        if name in declared or origin not in documented or module_name in {origin, "builtins"}:
            yield _member(module_name, name, value, is_declared=name in declared)


def _member(module: str, name: str, value: Any, *, is_declared: bool) -> _Place:
    is_own = getattr(value, "__module__", None) == module
    rank = (
        module != "builtins",
        not is_declared and not is_own,
        getattr(value, "__name__", name) != name,  # socket.error is another name of OSError
        module.count("."),
        not is_own,
        module,
        name,
    )
    return _Place(rank, module, name, value, _raw(value))


def _methods(owner: _Place, documented: set[type]) -> Iterator[_Place]:
    """The public methods of a class: its own and those of its bases, for a base may be private."""
    bases = [base for base in inspect.getmro(owner.value) if base is not object]
    is_renamed = owner.value.__name__ != owner.name  # socket.SocketType is the private base of socket.socket
    for name in sorted({name for base in bases for name in vars(base) if not name.startswith("_")}):
        definer, *overridden = (base for base in bases if name in vars(base))
        raw = vars(definer)[name]
        if not _is_method(raw) or _repeats(raw, name, documented.intersection(overridden)):
            continue
        is_alias = getattr(raw, "__name__", name) != name
        rank = (
            is_renamed,
            definer is not owner.value,
            is_alias,
            len(bases),
            owner.module,
            owner.name,
            name,
        )
        yield _Place(rank, owner.module, f"{owner.name}.{name}", getattr(owner.value, name), _raw(raw))


def _repeats(method: Any, name: str, overridden: Iterable[type]) -> bool:
    """Whether the method says no more than one that it overrides."""
    return any(getattr(vars(base)[name], "__doc__", None) == method.__doc__ for base in overridden)


def _is_documentable(value: Any) -> bool:
    return inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, _CACHED)


def _is_method(raw: Any) -> bool:
    return inspect.isroutine(raw) or isinstance(raw, _WRAPPERS)


def _raw(value: Any) -> Any:
    """The object behind a bound or wrapped one: `random.random` is a method of a hidden `random.Random`."""
    if isinstance(value, _WRAPPERS) or inspect.ismethod(value):
        return value.__func__
    instance = getattr(value, "__self__", None)
    if inspect.isbuiltin(value) and instance is not None and not inspect.ismodule(instance):
        return inspect.getattr_static(type(instance), value.__name__, value)
    return value


def _homes(places: Iterable[_Place]) -> list[_Place]:
    homes: dict[int, _Place] = {}
    for place in places:
        held = homes.setdefault(id(place.raw), place)
        if place.rank < held.rank:
            homes[id(place.raw)] = place
    return list(homes.values())


def _entry(place: _Place) -> Entry | None:
    doc = _doc(place.value)
    if not doc or _SAYS_NOTHING.fullmatch(doc):
        return None
    short_name = place.name.rpartition(".")[2]
    if doc.startswith(f"{short_name}("):  # C functions write their signature themselves
        text = place.title + doc.removeprefix(short_name)
    else:
        text = f"{place.title}{_signature(place)}\n\n{doc}"
    return Entry(f"{place.module}.{place.name}", place.title, text, place.module, _kind(place))


def _kind(place: _Place) -> str:
    if inspect.isclass(place.value):
        return "class"
    return "method" if "." in place.name else "function"


def _doc(value: Any) -> str:
    """The docstring of the object itself, for a class followed by that of its constructor; "" without one."""
    docs = [value.__doc__]
    if inspect.isclass(value) and inspect.isfunction(constructor := vars(value).get("__init__")):
        docs.append(constructor.__doc__)
    return "\n\n".join(inspect.cleandoc(doc).strip() for doc in docs if isinstance(doc, str) and doc.strip())


def _signature(place: _Place) -> str:
    """`(src, dst, *, follow_symlinks=True)`: no annotations, no self; "" where Python doesn't know it."""
    try:
        signature = inspect.signature(place.value)
    except (AttributeError, TypeError, ValueError):  # not written down, or with a default that isn't there
        return ""
    parameters = [_plain(parameter) for parameter in signature.parameters.values()]
    if _kind(place) == "method" and parameters and parameters[0].name == "self":
        del parameters[0]
    plain = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return str(plain).replace("=Ellipsis", "=...")


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without its annotation, with `...` for a default that may show memory, folders or the environment."""
    default = parameter.default
    is_short = "<" not in repr(default) and len(repr(default)) <= _LONGEST_DEFAULT
    is_path = isinstance(default, str) and len(default) > 1 and Path(default).is_absolute()
    is_shown = default is parameter.empty or (type(default) in _LITERALS and is_short and not is_path)
    return parameter.replace(annotation=parameter.empty, default=default if is_shown else ...)


def write(entries: Iterable[Entry], out: Path) -> None:
    """The whole file or none: written beside `out` and then moved over it."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as lines:
            lines.writelines(entry.line() for entry in entries)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> int:
    """Write the collection to the path on the command line; 1 when that can't be written."""
    parser = argparse.ArgumentParser(description="Collect the documentation of Python's standard library.")
    parser.add_argument("out", type=Path, metavar="OUT.jsonl", help="the file to write, one document a line")
    out = parser.parse_args().out
    entries = collect(lambda sentence: print(sentence, file=sys.stderr))
    try:
        write(entries, out)
    except OSError as error:
        print(
            f"Can't write {out}: {error.strerror}. Name a file in a folder that exists and is writable.",
            file=sys.stderr,
        )
        return 1
    print(f"{len(entries):,} documents from Python {sys.version.split()[0]} in {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
