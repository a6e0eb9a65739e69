"""The only door to Milvus, embedded or a server.

    vector_index   the verbs: create, upsert, search, switch an alias, drop
    connection     one handle, reconnecting, the discipline of reads and writes, the timeout of every call
    parameters     which index is built, and how far a search looks in it
    rows           what goes in: checks, batches, literals
    failures       Milvus' and gRPC's errors -> ours, by one table

Importing this package loads no pymilvus; the first call does.
"""

from search_app.index.connection import Milvus, Server
from search_app.index.parameters import BuiltIndex, IndexSettings
from search_app.index.rows import one_of
from search_app.index.vector_index import LIMIT_MAX, Found, VectorIndex

__all__ = ["LIMIT_MAX", "BuiltIndex", "Found", "IndexSettings", "Milvus", "Server", "VectorIndex", "one_of"]
