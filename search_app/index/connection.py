"""One handle to Milvus, and the discipline of reads and writes.

A read that fails because the engine is gone, or because it came back with nothing loaded, is done once more.
A write is never repeated here: after a failed one, embedded Milvus is restarted and asked whether it answers,
and the caller hears of the failure (ids are deterministic, so writing the batch again is safe). Writes to
embedded Milvus hold the one write lock.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from search_app.errors import MilvusUnreachable
from search_app.index.failures import (
    NOT_FOUND,
    NOT_LOADED,
    UNAVAILABLE,
    foreign_errors,
    message_of,
    reason_of,
    translated,
)

_EMBEDDED_CHANNEL = {  # the engine hangs up on who pings it while it is idle, as pymilvus does every 10 s by default
    "grpc.keepalive_time_ms": 2**31 - 1,
    "grpc.keepalive_permit_without_calls": False,
}
_CONNECT_SECONDS = 5.0  # a Milvus that is there connects in 10 ms

Result = TypeVar("Result")


class Milvus(Protocol):
    """Where Milvus is and how it is treated; `search_app.engine.Engine` is the embedded one."""

    @property
    def is_embedded(self) -> bool:
        """Whether the engine is ours to restart, and takes one writer at a time."""

    @property
    def token(self) -> str:
        """user:password or an API key; empty where none is asked for."""

    @property
    def remedy(self) -> str:
        """What a person may do when it doesn't answer."""

    def address(self) -> str:
        """The URI at which it answers; starts it where that is ours to do."""

    def writing(self) -> AbstractContextManager[None]:
        """Held during each write."""

    def restart(self) -> None:
        """Bring it back to what is on disk, where that is ours to do."""

    def discard(self, physical: str) -> None:
        """Remove a collection that it can't even read, where that is ours to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A Milvus server, cluster or cloud that somebody else runs."""

    uri: str
    token: str = ""
    is_embedded: bool = False
    remedy: str = "Start it with `docker compose up -d`, or give its address with `--milvus-uri`."

    def address(self) -> str:
        """The URI it was given."""
        return self.uri

    def writing(self) -> AbstractContextManager[None]:
        """Nothing: a server takes concurrent writers."""
        return nullcontext()

    def restart(self) -> None:
        """Nothing: it isn't ours."""

    def discard(self, physical: str) -> None:
        """Nothing: who runs the server looks after its files."""


class Connection:
    """A handle that is opened by the first call and opened again when Milvus moved or came back.

    Args:
        milvus: Where to connect to.
        timeout_seconds: For every single call.
    """

    def __init__(self, milvus: Milvus, timeout_seconds: float) -> None:
        self.milvus = milvus
        self.timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: Any = None
        self._address = ""
        self._loaded: set[str] = set()

    def read(self, call: str, work: Callable[[Any], Result], *, loaded: str = "") -> Result:
        """What `work` returns for a pymilvus client; `work` may be done twice.

        Args:
            call: The verb for the sentence if it fails.
            work: A read; it passes `timeout` to each call it makes.
            loaded: The collection that has to be in memory for it.
        """
        client = self._connected()
        try:
            return self._do(client, work, loaded)
        except foreign_errors() as error:
            if not self._may_succeed_now(error, client, loaded):
                raise self._translated(error, call) from error
        try:
            return self._do(self._connected(), work, loaded)
        except foreign_errors() as error:
            raise self._translated(error, call) from error

    def write(self, call: str, work: Callable[[Any], Result]) -> Result:
        """What `work` returns for a pymilvus client, alone among all writers to embedded Milvus."""
        with self.milvus.writing():
            client = self._connected()
            try:
                return work(client)
            except foreign_errors() as error:
                if self.milvus.is_embedded and reason_of(error) != NOT_FOUND:
                    self._mend()
                raise self._translated(error, call) from error

    def discard(self, physical: str) -> None:
        """Remove a collection that can't be read, where that is ours to do."""
        with self.milvus.writing():
            self.close()
            self.milvus.discard(physical)

    def close(self) -> None:
        """Give the handle back; a later call opens another."""
        with self._lock:
            self._drop_client()

    def _do(self, client: Any, work: Callable[[Any], Result], loaded: str) -> Result:
        if loaded and loaded not in self._loaded:
            client.load_collection(loaded, timeout=self.timeout_seconds)
            self._loaded.add(loaded)
        return work(client)

    def _may_succeed_now(self, error: Exception, client: Any, loaded: str) -> bool:
        """Clear what the failure shows to be stale; whether the read is worth a second try."""
        reason = reason_of(error)
        self._loaded.discard(loaded)
        if reason == NOT_LOADED:
            return True
        gone = reason == UNAVAILABLE or "closed channel" in message_of(error)
        with self._lock:
            if gone and client is self._client:
                self._drop_client()
        return gone

    def _mend(self) -> None:
        self.close()
        self.milvus.restart()
        self.read("list collections", lambda client: client.list_collections(timeout=self.timeout_seconds))

    def _connected(self) -> Any:
        try:
            return self._client_at(self.milvus.address())
        except MilvusUnreachable:
            if not self.milvus.is_embedded:
                raise
            return self._client_at(self.milvus.address())  # it ended after it had told its address; this starts it anew

    def _client_at(self, address: str) -> Any:
        with self._lock:
            if self._client is None or address != self._address:
                self._drop_client()
                self._client, self._address = self._open(address), address
            return self._client

    def _open(self, address: str) -> Any:
        from pymilvus import MilvusClient

        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs what it raises, with a traceback
        seconds = min(_CONNECT_SECONDS, self.timeout_seconds)
        try:
            return MilvusClient(
                uri=address,
                token=self.milvus.token,
                timeout=seconds,
                dedicated=True,
                grpc_options=_EMBEDDED_CHANNEL if self.milvus.is_embedded else {},
            )
        except foreign_errors() as error:
            raise MilvusUnreachable(
                f"No Milvus answers at {address} ({message_of(error)}). {self.milvus.remedy}"
            ) from error

    def _drop_client(self) -> None:
        client, self._client = self._client, None
        self._loaded.clear()
        if client is not None:
            with suppress(*foreign_errors()):  # a handle whose engine died may refuse to close
                client.close()

    def _translated(self, error: Exception, call: str) -> Exception:
        return translated(
            error,
            call,
            address=self._address,
            seconds=self.timeout_seconds,
            remedy=self.milvus.remedy,
        )
