"""Searching the web page in a real Chromium, timed by the page's own clock.

A search is timed from the keydown of Enter until ten hits are there and one more frame was drawn. What was shown before
doesn't count: Streamlit marks what is of an earlier run as stale, and it must have been seen so. Best sentences are
underlined after that, and that is not waited for.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LAUNCH: Mapping[str, Any] = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
QUERY_BOX = 'input[aria-label="Query"]'
FIRST_HIT = ".st-key-hit-1"
FAULT = '[data-testid="stException"], [data-testid="stAlertContentError"]'
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"

# Begins the clock; `LANDED` reads it. Both run in the page.
ARM = """() => {
    window.__took = new Promise((tell) => {
        const state = () => document.querySelector('[data-testid="stApp"]').getAttribute('data-test-script-state');
        addEventListener('keydown', (pressed) => {
            const begun = performance.now();
            const last = '.st-key-hit-10 [data-testid="stElementContainer"]';
            const isFresh = (one) => one.dataset.stale === 'false';
            let worked = false;
            let isNew = false;  // what was shown before has gone, or was seen to be stale
            const look = () => {
                worked = worked || state() !== 'notRunning';
                const shown = [...document.querySelectorAll(last)];
                isNew = isNew || !shown.every(isFresh) || !shown.length;
                const atRest = worked && state() === 'notRunning' && document.querySelector('.st-key-hit-1');
                const isThere = atRest || (isNew && shown.length && shown.every(isFresh));
                if (isThere) requestAnimationFrame(() => tell(performance.now() - begun));
                else if (performance.now() - begun > 120000) tell(-1);
                else requestAnimationFrame(look);
            };
            look();
        }, {once: true, capture: true});
    });
}"""
LANDED = "() => window.__took"


def need(data: Path | str | None) -> Path:
    """The folder of test collections; without it, or without a Chromium, the process ends with the reason."""
    if data is None or not Path(data).is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    if CHROMIUM is None:
        sys.exit("There is no Chromium on this machine. Install it, for example with `apt-get install chromium`.")
    return Path(data)
