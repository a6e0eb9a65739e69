"""Who may do what: every verb has a role, and a caller without it changes nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.app.guarding import LEAST_ROLES, require_request, verbs_of
from search_app.catalog.users import Role, User
from search_app.errors import Forbidden, UnknownUser, UsageError
from search_app.requests import (
    ArrangeRequest,
    CompareRequest,
    EvaluateRequest,
    IngestRequest,
    LearnRequest,
    MineRequest,
    PreviewRequest,
    ReindexRequest,
    TrainRequest,
    TuneRequest,
)

Twinsearch = Callable[..., tuple[int, str, str]]


def acting(app: SearchApp, role: Role, name: str = "bob") -> SearchApp:
    return app.acting_as(User(name, role))


def test_every_verb_stands_in_the_table_and_nothing_else_does() -> None:
    assert set(verbs_of(SearchApp)) == set(LEAST_ROLES)


def test_each_role_may_do_what_the_ones_before_it_may() -> None:
    assert [[role.includes(least) for least in Role] for role in Role] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_a_verb_is_refused_below_its_role_before_it_looks_at_anything(app: SearchApp) -> None:
    for role in Role:
        mine = acting(app, role)
        assert {verb for verb in LEAST_ROLES if mine.may(verb)} == {
            verb for verb, least in LEAST_ROLES.items() if role.includes(least)
        }
        for verb in (verb for verb in LEAST_ROLES if not mine.may(verb)):
            with pytest.raises(Forbidden, match=rf"^'bob' is an? {role.value}, and "):
                getattr(mine, verb)()


def test_a_viewer_searches_and_is_told_what_judging_takes(noted: SearchApp) -> None:
    mine = acting(noted, Role.VIEWER)
    assert mine.search("kitten").hits[0].document_id == "notes/cat.txt"
    with pytest.raises(Forbidden) as refused:
        mine.judge("kitten", "notes/cat.txt", 2)
    assert str(refused.value) == "'bob' is a viewer, and 'judge' asks for a judge. An admin can give that role."
    assert noted.judgements() == ()


def test_a_judge_judges_by_name_and_takes_back_only_what_is_theirs(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    bob, eve = acting(app, Role.JUDGE), acting(app, Role.JUDGE, "eve")
    number = bob.judge("kitten", "notes/cat.txt", 2)
    assert [one.user for one in app.judgements()] == ["bob"]
    with pytest.raises(Forbidden, match=f"^Judgement {number} is by 'bob'"):
        eve.withdraw(number)
    bob.withdraw(number)
    assert app.judgements() == ()


def test_the_home_stays_its_owners_whoever_else_acts(app: SearchApp) -> None:
    acting(app, Role.VIEWER)
    assert app.acting is None
    assert app.user == "ann"


@pytest.mark.parametrize(
    "asked",
    [
        IngestRequest(("/etc",)),
        IngestRequest(("uploads/../../secret",)),
        TrainRequest("mine", pairs="/home/other/pairs.csv"),
        ReindexRequest("docs", "fluent", switch=True, guard="/etc/passwd"),
        CompareRequest(("dense", "/etc/passwd")),
    ],
)
def test_below_an_admin_a_request_names_no_file_of_the_server(app: SearchApp, asked: object) -> None:
    with pytest.raises(Forbidden, match=r"^'bob' is an editor and may only name uploaded files"):
        acting(app, Role.EDITOR).start(asked)
    assert app.jobs.views() == []


def test_an_upload_may_be_named_by_an_editor_and_a_link_out_of_it_may_not(app: SearchApp, notes: Path) -> None:
    uploads = app.home.uploads_folder / "docs"
    uploads.mkdir(parents=True)
    (uploads / "cat.txt").write_text("cat")
    editor = acting(app, Role.EDITOR)
    assert editor.ingest(IngestRequest((str(uploads),))).new == 1
    (uploads / "out").symlink_to(notes)
    with pytest.raises(Forbidden, match="uploaded files"):
        editor.ingest(IngestRequest((str(uploads / "out"),)))
    (uploads / "list.txt").write_text(str(notes))
    with pytest.raises(Forbidden, match="uploaded files"):
        editor.ingest(IngestRequest((str(uploads / "@list.txt"),)))


def test_an_editor_may_ask_for_every_kind_of_long_work(app: SearchApp) -> None:
    mine = acting(app, Role.EDITOR)
    for request in (TrainRequest("mine"), MineRequest(), EvaluateRequest(), TuneRequest(), ArrangeRequest()):
        require_request(mine, request)


@pytest.mark.parametrize(
    "ask",
    [
        lambda mine, name: mine.start(IngestRequest((), encoder=name)),
        lambda mine, name: mine.start(TrainRequest("mine", base=name)),
        lambda mine, name: mine.start(TrainRequest("mine", teacher=name)),
        lambda mine, name: mine.start(LearnRequest("docs", base=name)),
        lambda mine, name: mine.forecast(ReindexRequest("docs", name)),
        lambda mine, name: mine.start(PreviewRequest("docs", name)),
        lambda mine, name: mine.preview("docs", name),
        lambda mine, name: mine.similarity(["cat", "dog"], encoder=name),
    ],
)
def test_below_an_admin_no_verb_takes_a_folder_of_the_server_for_an_encoder(
    app: SearchApp, encoders: Path, ask: Callable[[SearchApp, str], object]
) -> None:
    folder = str(encoders / "literal")
    with pytest.raises(Forbidden) as refused:
        ask(acting(app, Role.EDITOR), folder)
    assert str(refused.value) == (
        "'bob' is an editor and may only name encoders that this home knows, or published ones, which "
        f"{folder!r} isn't. Choose one of those, or ask an admin."
    )
    assert app.jobs.views() == []


def test_below_an_admin_an_encoder_is_named_that_the_home_knows_or_that_is_published(
    app: SearchApp, encoders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, folder = acting(app, Role.VIEWER), str(encoders / "shuffled")
    assert mine.similarity(["cat", "dog"], encoder="literal").encoder == "literal"
    app.encoders.choose(folder)  # as an admin does
    assert mine.similarity(["cat", "dog"], encoder=folder).encoder == folder
    monkeypatch.chdir(tmp_path)
    assert app.encoders.is_public("someone/encoder")
    shutil.copytree(encoders / "literal", "someone/encoder")
    assert not app.encoders.is_public("someone/encoder")
    assert not app.encoders.is_public("..")


def test_users_are_set_listed_and_removed_by_commands(twinsearch: Twinsearch) -> None:
    assert twinsearch("users", "set", "Ann@Example.org", "editor")[1] == "ann@example.org has the role editor.\n"
    assert twinsearch("users", "set", "ann@example.org", "admin")[0] == 0
    code, out, _ = twinsearch("users", "list")
    assert (code, out.splitlines()[1].split()[:3]) == (0, ["ann@example.org", "admin", "-"])
    assert twinsearch("users", "remove", "ANN@example.org")[0] == 0
    assert twinsearch("users", "list")[1] == "(none)\n"
    code, _, err = twinsearch("users", "remove", "ann@example.org")
    assert (code, err.split(".")[0]) == (1, "Nobody is called 'ann@example")


def test_a_token_stands_for_one_user_until_the_next_one_is_made(app: SearchApp) -> None:
    app.set_user("ann", Role.JUDGE)
    first = app.new_token("ann")
    assert app.user_of_token(first) == app.known_user("ANN ")
    second = app.new_token("ann")
    assert app.user_of_token(first) is None
    assert app.set_user("ann", Role.VIEWER) == app.user_of_token(second)
    assert second.encode() not in app.home.catalog_file.read_bytes()
    app.remove_user("ann")
    assert app.user_of_token(second) is None
    with pytest.raises(UnknownUser, match=r"^Nobody is called 'ann' here"):
        app.new_token("ann")


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "an\nn", "ann\u202egro"])
def test_a_name_that_nobody_can_have_is_refused(app: SearchApp, name: str) -> None:
    with pytest.raises(UsageError, match="can't be a user's name"):
        app.set_user(name, Role.VIEWER)
