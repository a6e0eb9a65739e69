"""The gate: whether a new generation may answer in place of the live one.

It compares the two on held-out judged queries by meaning alone, since that is all that an encoder changes: words are
the same for both, so a mixture shows the same difference only smaller, and the fusion's weight was chosen for the old
encoder. What people see must not suffer either: how the collection is usually searched is one of the guards.
"""
