"""Other tools for the same task, run in an environment of their own, so that theirs and ours don't meet.

`serve` runs there and imports none of Twinsearch; `process` talks to it from here.
"""
