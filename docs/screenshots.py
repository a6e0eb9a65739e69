"""Takes the pictures of the pages that `docs/` shows: every page, light and dark, by a real browser.

    python docs/screenshots.py HOME [--page NAME] [--out FOLDER]

The home must hold a collection; `make screenshots` builds one. Pictures are written as PNG files with few colours.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

QUERY = "copy a file and keep its timestamps"
THEMES = ("light", "dark")
WIDTH = 1100
_IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
_NAVIGATION = '[data-testid="stTopNavLink"]'
_FIRST_HIT = ".st-key-hit-1"
_SKETCH = '[data-testid="stSkeleton"]'
_PATIENCE_MS = 240_000  # the first page loads an encoder, and the machine may be busy
_SETTLED_MS = 2500  # charts fade in
_COLOURS = 128

Step = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a page: its parameters in the URL, how much of it is shown, and what is done before."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    height: int = 800
    steps: tuple[Step, ...] = ()
    path: str | None = None  # where it isn't the picture's name


def _paste_a_table(page: Any) -> None:
    page.get_by_text("Load documents", exact=True).first.click()
    page.get_by_text("Paste a table").click()
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_text("Kept as metadata").wait_for()


def _meaning_beside_words(page: Any) -> None:
    for side, place in (("Left", 1), ("Right", 2)):
        page.get_by_label(side, exact=True).click()
        page.get_by_role("option").nth(place).click()
        page.wait_for_selector(_IDLE)


def _ask_why(page: Any) -> None:
    page.locator(".st-key-why-1 button").click()
    page.get_by_role("dialog").get_by_text("Score").first.wait_for()


def _leave_out_the_home(page: Any) -> None:
    """The path of a home is of whoever takes the pictures."""
    page.get_by_text("Encoders", exact=True).first.wait_for()
    page.evaluate(
        "[...document.querySelectorAll('[data-testid=stCaptionContainer] p')]"
        ".filter(one => one.textContent.startsWith('/')).forEach(one => one.textContent = '~/.local/share/twinsearch')"
    )


SHOTS: Mapping[str, Shot] = {
    "search": Shot({"query": QUERY}, height=900, path=""),
    "why": Shot({"query": QUERY}, height=700, steps=(_ask_why,), path=""),
    "collections": Shot(height=1000, steps=(_paste_a_table,)),
    "documents": Shot(),
    "judge": Shot({"query": QUERY}),
    "learn": Shot(height=1500),
    "compare": Shot({"query": QUERY}, height=900, steps=(_meaning_beside_words,)),
    "map": Shot({"query": QUERY}, height=1000),
    "similarity": Shot(height=1200),
    "status": Shot(steps=(_leave_out_the_home,)),
}


def main() -> None:
    """Starts a server for the home, and takes the pictures that were asked for."""
    parser = argparse.ArgumentParser(description="Take the pictures of the pages.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--page", action="append", choices=list(SHOTS), help="Only this one; may be given again.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--width", type=int, default=WIDTH, help="Of the window, in pixels.")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with served(asked.home) as address, browser() as chromium:
        _search_once(chromium, address)
        for theme in THEMES:
            window = chromium.new_context(color_scheme=theme, reduced_motion="reduce")
            for name in asked.page or SHOTS:
                path, shot = asked.out / f"web-{name}{'' if theme == 'light' else '-dark'}.png", SHOTS[name]
                take(window, f"{address}/{name if shot.path is None else shot.path}", shot, path, width=asked.width)
                print(f"{path} {path.stat().st_size / 1000:,.0f} kB", flush=True)
            window.close()


def _search_once(chromium: Any, address: str) -> None:
    """Loads what a first search needs, so that no picture tells how long that takes."""
    page = chromium.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{address}?{urlencode({'query': QUERY})}")
    page.locator(_FIRST_HIT).wait_for()
    page.close()


def take(window: Any, address: str, shot: Shot, path: Path, *, width: int) -> None:
    """One picture, once the page has come to rest."""
    page = window.new_page()
    page.set_viewport_size({"width": width, "height": shot.height})
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{address}?{urlencode(shot.parameters)}")
    page.wait_for_selector(_IDLE)
    for step in shot.steps:
        step(page)
    page.wait_for_selector(_IDLE)
    page.wait_for_selector(_NAVIGATION)
    page.locator(_SKETCH).first.wait_for(state="detached")  # a predicate in the page is refused by our own policy
    page.wait_for_timeout(_SETTLED_MS)
    page.screenshot(path=str(path))
    page.close()
    shrink(path)


def shrink(path: Path) -> None:
    """Writes a picture again with few colours: a third of the bytes, and nobody sees it."""
    from PIL import Image

    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A Chromium of this machine."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("There is no Chromium on this machine. Install one; pictures are taken with it.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextlib.contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server of its own for a home; ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "search_app.cli", "ui", "--port", str(port), "--home", str(home)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                break
            time.sleep(0.2)
        else:
            raise RuntimeError(f"The server at {address} didn't come up. Run `twinsearch ui --home {home}` to see why.")
        yield address
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
