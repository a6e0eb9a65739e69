"""Searching the web page in a real Chromium, timed by the page's own clock.

A search is timed from the keydown of Enter until the page is at rest with its hits and has drawn one more frame; what
was shown before doesn't count, since the page must have begun to work first.
"""

import shutil
from collections.abc import Mapping
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
            let worked = false;
            const look = () => {
                worked = worked || state() !== 'notRunning';
                const landed = worked && state() === 'notRunning' && document.querySelector('.st-key-hit-1');
                if (landed) requestAnimationFrame(() => tell(performance.now() - begun));
                else if (performance.now() - begun > 120000) tell(-1);
                else requestAnimationFrame(look);
            };
            look();
        }, {once: true, capture: true});
    });
}"""
LANDED = "() => window.__took"
