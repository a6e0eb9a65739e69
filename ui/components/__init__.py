"""What the pages are made of; each component draws one thing and owns the state behind it."""
