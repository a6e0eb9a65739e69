import re
from pathlib import Path

import pytest

from benchmarks.ingest import Bench, beside_encoding, beside_peers, memory


@pytest.fixture
def bench(data: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("TWINSEARCH_PRECISION", "fp32")  # to try which is fastest takes longer than all the rest
    return Bench(data, tmp_path, limit=12, repeats=1, sizes=[20], encoder=str(tiny))


def test_a_whole_ingest_is_measured_beside_encoding_the_same_chunks(bench: Bench) -> None:
    told = beside_encoding(bench)
    assert re.findall(r"^\| (whole ingest|encoding alone) \| (\d+ chunks) \|", told, re.M) == [
        ("whole ingest", "12 chunks"),
        ("encoding alone", "12 chunks"),
    ]


@pytest.mark.slow
def test_without_peers_only_ours_is_measured_and_the_table_says_so(bench: Bench) -> None:
    told = beside_peers(bench)
    assert re.findall(r"^\| (.+?) \| (\d+ documents) \|", told, re.M) == [("Twinsearch", "12 documents")]
    assert "Peers weren't measured: name their interpreter with --peers." in told


def test_peaks_of_memory_are_measured_for_the_ingest_and_for_the_engine(bench: Bench) -> None:
    ((size, peak, times, engine),) = re.findall(r"^\| (\d+) \| (\d+) \| ([\d.]+) \| (\d+) \|", memory(bench), re.M)
    assert (size, times) == ("20", "1.00")
    assert int(peak) > 50
    assert int(engine) > 50
