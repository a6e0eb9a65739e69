import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from search_app.errors import UsageError
from ui.components.uploads import keep_uploads, safe_name
from ui.session_uploads import SessionUploads


@dataclass
class Sent:
    """An upload as the browser sends it."""

    name: str
    content: bytes

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


@pytest.mark.parametrize("name", ["notes.md", "report (2).txt", "año-1.csv"])
def test_a_harmless_name_is_kept(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/abs/x.txt", "a\\b.txt", ".hidden", "", "..", "x\0.txt", "a" * 500 + ".txt", "a\nb.md"],
)
def test_any_other_name_becomes_one_visible_file_name_with_a_hash(name: str) -> None:
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert len(safe.encode()) < 255
    assert safe != name


def test_names_that_differ_never_become_the_same() -> None:
    assert len({safe_name(name) for name in ("a/b.txt", "a_b.txt", "a\\b.txt", "a?b.txt")}) == 4


def test_the_same_file_may_come_in_many_sessions_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as sessions:
        sent = [Sent("a.txt", bytes([number // 16]) * 500_000) for number in range(160)]
        kept = [sessions.submit(keep_uploads, tmp_path, "docs", [one]) for one in sent]
        assert {one.result() for one in kept} == {tmp_path / "docs"}


def test_uploads_lie_in_the_collections_folder_and_replace_those_of_the_same_name(tmp_path: Path) -> None:
    keep_uploads(tmp_path, "../My Notes", [Sent("a.txt", b"old")])
    folder = keep_uploads(tmp_path, "../My Notes", [Sent("a.txt", b"new"), Sent("b.md", b"b")])
    assert folder == tmp_path / "my_notes"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.txt": b"new", "b.md": b"b"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_was_sent_lies_under_its_hash_once(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "a.txt"):
        folder = keep_uploads(tmp_path, "docs", [Sent(name, b"same")])
    (held,) = (tmp_path / ".content").iterdir()
    assert held.name == hashlib.sha256(b"same").hexdigest()
    assert [(path.name, path.samefile(held)) for path in sorted(folder.iterdir())] == [("a.txt", True), ("b.txt", True)]


def test_files_for_which_the_disk_has_no_room_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(UsageError, match="the disk has 1 MB left"):
        keep_uploads(tmp_path, "docs", [Sent("a.txt", b"x")])


def test_a_session_may_hold_so_much_and_others_have_room_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    held = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=held))

    async def put(request: Request) -> Response:
        session, file_id = request.path_params["session"], request.path_params["file"]
        held.add_file(session, UploadedFileRec(file_id, "a.txt", "text/plain", await request.body()))
        return Response(status_code=204)

    routes = [Route("/_stcore/upload_file/{session}/{file}", put, methods=["PUT"])]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(SessionUploads, most_bytes=10)]))
    sent = [("ann", "1", b"123456"), ("ann", "2", b"12345"), ("bob", "1", b"123456"), ("ann", "3", b"1234")]
    answers = [client.put(f"/_stcore/upload_file/{who}/{file}", content=content) for who, file, content in sent]
    assert [one.status_code for one in answers] == [204, 413, 204, 204]
    held.remove_file("ann", "1")
    assert client.put("/_stcore/upload_file/ann/4", content=b"123456").status_code == 204
    unmeasured = client.put("/_stcore/upload_file/eve/1", content=iter([b"1"]))
    assert unmeasured.text == "One visit may upload 0 MB at a time. Load these, then send the others."
