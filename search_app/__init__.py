"""Makes text searchable, and learns from the people who judge the answers."""
