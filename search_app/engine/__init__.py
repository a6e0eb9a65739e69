"""The embedded Milvus: one process that holds Milvus Lite and serves it on a private Unix socket.

    control   starts, finds and ends the process (what the rest of Twinsearch uses)
    record    what a running engine leaves on disk, and whether it still runs
    sockets   where the socket lies
    inspection   takes out of the folder what is damaged, before it is opened
    serve     the process itself, run as `python -m search_app.engine.serve`

Importing this package loads neither pymilvus nor Milvus Lite; only the engine's own process does.
"""

from search_app.engine.control import Engine, EngineStatus

__all__ = ["Engine", "EngineStatus"]
