"""The STS benchmark: the default encoder as it is, and after training on scored pairs."""

from benchmarks.figures import table
from benchmarks.measuring import correlation
from benchmarks.public_data import sts_pairs, sts_test
from benchmarks.training.recipes import STS
from benchmarks.training.tables import mean_and_spread, percent, seconds_of
from benchmarks.training.trainers import Bench, run_all
from search_app.config import DEFAULT_ENCODER
from search_app.twin.encoder import TwinEncoder

_COLUMNS = ("STS benchmark, test", "Spearman", "seconds", "of the processor")


def report(bench: Bench) -> str:
    """A row for the encoder as it is, one for every run, and one for each trainer over its seeds."""
    pairs = sts_test(bench.data)
    runs = run_all(bench, "sts", sts_pairs(bench.data), STS)
    figures = {run: correlation(TwinEncoder.load(run.folder, precision="fp32"), pairs) for run in runs}
    untrained = correlation(TwinEncoder.load(DEFAULT_ENCODER, precision="fp32"), pairs)
    rows = [(f"{DEFAULT_ENCODER}, untrained", percent(untrained), "", "")]
    rows += [
        (f"trained by {run.trainer}, seed {run.seed}", percent(figure), *seconds_of([run]))
        for run, figure in figures.items()
    ]
    for trainer in bench.trainers:
        own = [run for run in runs if run.trainer == trainer]
        rows.append((f"mean of {trainer}", mean_and_spread([figures[run] for run in own]), *seconds_of(own)))
    return table(_COLUMNS, rows)
