import subprocess
import sys

HEAVY = ("torch", "transformers", "pymilvus", "pandas", "numpy", "pyarrow", "charset_normalizer", "lxml", "pypdfium2")


def test_all_of_ingest_loads_without_a_heavy_library() -> None:
    script = f"""
import importlib, pkgutil, sys, ingest
for module in pkgutil.walk_packages(ingest.__path__, "ingest."):
    importlib.import_module(module.name)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
