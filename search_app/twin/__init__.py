"""The twin encoder: one network that reads documents and queries, and learns from examples.

Importing this package is free; its modules import torch and transformers. The usage reports of the libraries that
its modules import are off: nothing is told to anyone.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it weren't installed
