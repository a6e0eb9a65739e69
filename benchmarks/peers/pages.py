"""Pages of peers, beside which ours is timed: a txtai index with the same texts, vectors and encoder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.process import SIDES, Peer
from benchmarks.server import Server, free_port, running

PAGES = ("txtai, dense", "txtai, hybrid")
_PAGE = Path(__file__).with_name("page.py")
_QUIET: Mapping[str, str] = {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false", "STREAMLIT_SERVER_HEADLESS": "true"}


@contextmanager
def peer_page(python: Path, name: str, weights: Path, files: tuple[Path, Path], work: Path) -> Iterator[Server]:
    """A running page for one of PAGES.

    Args:
        python: The interpreter of the environment that has the peers.
        name: One of PAGES.
        weights: The encoder's folder.
        files: The texts and their vectors, as `benchmarks.filling.written` writes them.
        work: A folder for the index and for what the page says.
    """
    folder = work / SIDES[name]
    with Peer(python, SIDES[name], weights) as peer:
        peer.do("fill", file=files[0], vectors=files[1], folder=folder)
    port = free_port()
    address = ("--server.address", "127.0.0.1", "--server.port", str(port))
    command = [str(python), "-m", "streamlit", "run", str(_PAGE), *address, "--", str(folder / "index")]
    with running(command, port, work / f"{SIDES[name]}.log", {**_QUIET, "HF_HUB_OFFLINE": "1"}) as server:
        yield server
