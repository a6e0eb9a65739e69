"""Filters: which documents a search may answer with.

    tree     the typed records, their check against the known fields, and what they mean (`matches`)
    dates    days, months and ranges, made of comparisons
    text     `key=value and not (a in b,c)` as a person types it -> a filter
    milvus   a filter -> Milvus' expression, and the form in which a row's fields are stored for it
    sql      a filter -> a condition for SQLite, over the catalogue's documents
    joining  what both have in common

A filter is built, never pasted together from text; every way to run it gives what `matches` gives.
"""

from search_app.filters.dates import between, dated
from search_app.filters.milvus import stored_fields, string_literal, to_milvus, unfit_fields
from search_app.filters.sql import SqlCondition, to_sql
from search_app.filters.text import parse_where
from search_app.filters.tree import And, Compare, Exists, Filter, In, Not, Or, asked_fields, check, matches

__all__ = [
    "And",
    "Compare",
    "Exists",
    "Filter",
    "In",
    "Not",
    "Or",
    "SqlCondition",
    "asked_fields",
    "between",
    "check",
    "dated",
    "matches",
    "parse_where",
    "stored_fields",
    "string_literal",
    "to_milvus",
    "to_sql",
    "unfit_fields",
]
