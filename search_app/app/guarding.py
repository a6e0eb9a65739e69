"""Which role each verb asks for, and the check before it.

Whoever opened the home on its own machine may do everything; `SearchApp.acting_as` is how anybody else calls a verb.
A verb that stands in no line here asks for an admin. A request is allowed like the verb that does its work, and below
an admin it names no files but what was uploaded, and no encoder by its folder: a path of the server is the server's
to read.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ingest.discovery import LIST_SIGN
from search_app.app.wiring import Wiring
from search_app.catalog.judgements import Judgement
from search_app.catalog.users import Role, User
from search_app.config import Home
from search_app.errors import Forbidden
from search_app.request_kinds import Request, kind_of
from search_app.requests import CompareRequest, ReindexRequest

AppClass = TypeVar("AppClass", bound=type)

_READING = """
    search note_query search_many search_combined search_like_file similar facets explain explain_all best_sentence
    similarity clusters
    document documents failed_files find_documents judgements generation_status switches status unfinished report_file
    training_curve index_health map_of place_on_map layout_of agreement
"""
_JUDGING = """
    judge judge_hit judge_review withdraw asked_queries reviews dismiss_reviews export_judgements
"""
_EDITING = """
    ingest take_in uploads_folder remove_documents import_judgements train learn lint mine tune reset_tuning evaluate
    compare arrange reindex forecast preview judged terms verdict switch rollback run start run_job resume cancel_job
    job_log check
"""
LEAST_ROLES: dict[str, Role] = {
    **dict.fromkeys(_READING.split(), Role.VIEWER),
    **dict.fromkeys(_JUDGING.split(), Role.JUDGE),
    **dict.fromkeys(_EDITING.split(), Role.EDITOR),
    # What can't be taken back, and who may come in.
    "drop_collection": Role.ADMIN,
    "drop_generation": Role.ADMIN,
    "reclaim": Role.ADMIN,
    "truncate": Role.ADMIN,
    "users": Role.ADMIN,
    "set_user": Role.ADMIN,
    "remove_user": Role.ADMIN,
    "new_token": Role.ADMIN,
}
UNGUARDED = frozenset({"open", "close", "acting_as", "may", "known_user", "user_of_token"})  # how one comes in and goes
_FILES = ("paths", "pairs", "held_out", "out", "queries", "qrels", "beir", "per_query", "run_file", "chart", "guard")
_ENCODER = "encoder"  # also what verbs call it that take one without a request
_ENCODERS = (_ENCODER, "base", "teacher")


def verbs_of(app_class: type) -> Iterator[str]:
    """The names of all methods that ask for a role."""
    for name in dir(app_class):
        if not name.startswith("_") and name not in UNGUARDED and callable(getattr(app_class, name)):
            yield name


def guarded(app_class: AppClass) -> AppClass:
    """The class with the check before each of its verbs."""
    for name in verbs_of(app_class):
        setattr(app_class, name, _checked(name, getattr(app_class, name)))
    return app_class


def allows(user: User | None, verb: str) -> bool:
    """Whether somebody may call a verb; None is whoever opened the home."""
    return user is None or user.role.includes(LEAST_ROLES.get(verb, Role.ADMIN))


def require(user: User | None, verb: str) -> None:
    """Refuses who may not call the verb.

    Raises:
        Forbidden: The role asks for more.
    """
    if user is not None and not allows(user, verb):
        least = LEAST_ROLES.get(verb, Role.ADMIN)
        raise Forbidden(
            f"{user.name!r} is {_with_article(user.role)}, and {verb.replace('_', ' ')!r} asks for "
            f"{_with_article(least)}. An admin can give that role."
        )


def require_request(app: Wiring, request: Request) -> None:
    """Refuses a request whose work whoever acts may not do, or that names files which aren't theirs to name.

    Raises:
        Forbidden: The role asks for more.
    """
    user = app.acting
    if user is None:
        return
    require(user, kind_of(request))
    if isinstance(request, ReindexRequest) and (request.switch or request.force):
        require(user, "switch")
    if not user.role.includes(Role.ADMIN):
        _refuse_foreign_files(user, app.home, request)
        for name in _ENCODERS:
            _require_encoder(app, getattr(request, name, None))


def require_own(user: User | None, judgement: Judgement) -> None:
    """Refuses to withdraw what somebody else judged.

    Raises:
        Forbidden: It is another's, and the role is less than an admin's.
    """
    if user is not None and judgement.user != user.name and not user.role.includes(Role.ADMIN):
        raise Forbidden(f"Judgement {judgement.id} is by {judgement.user!r}. Only they or an admin can withdraw it.")


def _checked(name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(verb)
    is_naming = _ENCODER in signature.parameters

    @functools.wraps(verb)
    def _ask(app: Any, *args: Any, **options: Any) -> Any:
        require(app.acting, name)
        for value in (*args, *options.values()):
            if isinstance(value, Request):
                require_request(app, value)
        if is_naming:
            _require_encoder(app, signature.bind(app, *args, **options).arguments.get(_ENCODER))
        return verb(app, *args, **options)

    return _ask


def _require_encoder(app: Wiring, name: str | None) -> None:
    user = app.acting
    if user is None or name is None or user.role.includes(Role.ADMIN) or app.encoders.is_public(name):
        return
    raise Forbidden(
        f"{user.name!r} is {_with_article(user.role)} and may only name encoders that this home knows, or published "
        f"ones, which {name!r} isn't. Choose one of those, or ask an admin."
    )


def _refuse_foreign_files(user: User, home: Home, request: Request) -> None:
    uploads = home.uploads_folder.resolve()
    for path in _files_of(request):
        is_list = Path(path).name.startswith(LIST_SIGN)  # an uploaded one may name any file
        if is_list or not Path(path).resolve().is_relative_to(uploads):
            raise Forbidden(
                f"{user.name!r} is {_with_article(user.role)} and may only name uploaded files, which {path!r} isn't. "
                "Upload it, or ask an admin."
            )


def _files_of(request: Request) -> Iterator[str]:
    """Every path of the server that a request names."""
    for name in _FILES:
        value = getattr(request, name, None)
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):  # in some requests a file's name is another thing's too, such as a count
            yield from value
    if isinstance(request, CompareRequest):  # a run may be a file
        yield from (run for run in request.runs if Path(run).exists())


def _with_article(role: Role) -> str:
    return f"an {role.value}" if role.value[0] in "aeiou" else f"a {role.value}"
