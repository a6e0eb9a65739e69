"""`python -m search_app.cli` is the same as `twinsearch`."""

from search_app.cli import main

main()
