"""What a person can ask of long work, as records that fit into a job's row; `request_kinds` names them.

A request is made by the command line and by the page alike; a job keeps it as JSON and runs it again after a crash.
"""

from dataclasses import dataclass, fields

from search_app.config import DEFAULT_COLLECTION


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Files and folders to bring a collection up to date with.

    `again` reads files that haven't changed too. `wait_seconds` is how long to wait for another writer to end.
    `encoder`, `precision`, `whole`, `chunk_tokens` and `chunk_overlap` count for a new collection only; columns that
    are None are guessed from their names.
    """

    paths: tuple[str, ...]
    collection: str = DEFAULT_COLLECTION
    prune: bool = False
    again: bool = False
    whole: bool = False
    wait_seconds: float = 0.0
    encoder: str | None = None
    precision: str | None = None
    chunk_tokens: int | None = None
    chunk_overlap: int | None = None
    id_column: str | None = None
    title_column: str | None = None
    text_column: str | None = None
    metadata_columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """What to learn from: any of a file, the collection's judgements and the corpus itself.

    Attributes:
        pairs: A file of examples.
        from_judgements: The judgements; they are also what is learned from when nothing is named.
        from_corpus: Names of `corpus_pairs.CORPUS_PAIRS`.
        corpus_limit: At most so many examples of each of these.
        per_query: At most so many answers of one judged query, the best graded first.
        score_range: Lowest and highest score that the file may hold; None: found from its scores.
        seed: Which examples of the corpus are taken.
    """

    collection: str = DEFAULT_COLLECTION
    pairs: str | None = None
    from_judgements: bool = False
    from_corpus: tuple[str, ...] = ()
    corpus_limit: int = 10_000
    per_query: int = 10
    score_range: tuple[float, float] | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """An encoder to be trained; where no source is named, on the collection's judgements.

    Attributes:
        base: The encoder to begin with; None: the one that serves the collection.
        from_scratch: "lstm": begin with an LSTM twin that has learned nothing, instead of a base.
        held_out: A file of examples to measure on; None: a part is set aside.
        mine: Search the collection for hard negatives.
        options: "name=value" for each other field of `TrainingSettings`, from scratch also of `LstmSettings`; what is
            None here has its default there.
        others: As in `Sources` and `TrainingSettings`.
    """

    name: str
    collection: str = DEFAULT_COLLECTION
    pairs: str | None = None
    base: str | None = None
    loss: str = "auto"
    epochs: int | None = None
    from_judgements: bool = False
    from_corpus: tuple[str, ...] = ()
    corpus_limit: int = 10_000
    per_query: int = 10
    score_range: tuple[float, float] | None = None
    held_out: str | None = None
    mine: bool = False
    from_scratch: str | None = None
    teacher: str | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    max_steps: int | None = None
    dims: tuple[int, ...] | None = None
    seed: int = 0
    options: tuple[str, ...] = ()

    @property
    def sources(self) -> Sources:
        """What to learn from."""
        return _sources_of(self)


@dataclass(frozen=True, slots=True)
class MineRequest:
    """A training file with hard negatives to be written, without training on it.

    Attributes:
        out: Ends in .jsonl; None: into the job's folder.
        others: As in `Sources` and `negatives.MiningSettings`.
    """

    collection: str = DEFAULT_COLLECTION
    pairs: str | None = None
    from_judgements: bool = False
    from_corpus: tuple[str, ...] = ()
    corpus_limit: int = 10_000
    per_query: int = 10
    seed: int = 0
    out: str | None = None
    negatives: int = 4
    first_rank: int = 2
    last_rank: int = 50
    margin: float = 0.95

    @property
    def sources(self) -> Sources:
        """What to learn from."""
        return _sources_of(self)


def _sources_of(request: TrainRequest | MineRequest) -> Sources:
    names = (field.name for field in fields(Sources))
    return Sources(**{name: getattr(request, name) for name in names if hasattr(request, name)})


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """A measurement on judged queries.

    Attributes:
        queries: A file in the layout of BEIR, `qrels` another; without both, and without a folder, the collection's
            held-out judgements count.
        generation: Its number; None: the live one.
        mode: None: what the collection goes by.
        beir: A folder in the layout of BEIR, of which `split` counts.
        metrics: As in `evaluation.measuring`; none: the usual ones.
        per_query: Where to write each query's values: .csv, .tsv or .jsonl.
        run_file: Where to write what was found, as a run file of TREC.
    """

    queries: str | None = None
    qrels: str | None = None
    collection: str = DEFAULT_COLLECTION
    generation: int | None = None
    mode: str | None = None
    exact: bool = False
    beir: str | None = None
    split: str = "test"
    metrics: tuple[str, ...] = ()
    per_query: str | None = None
    run_file: str | None = None


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """Ways to search, each as `evaluation.runs` spells it, to be compared on the same judged queries.

    The queries are as in `EvaluateRequest`; `chart` is where to draw the comparison: .svg or .html.
    """

    runs: tuple[str, ...]
    collection: str = DEFAULT_COLLECTION
    queries: str | None = None
    qrels: str | None = None
    beir: str | None = None
    split: str = "test"
    metric: str = "nDCG@10"
    exact: bool = False
    chart: str | None = None


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """What the collection's searches go by, to be learned from its judgements."""

    collection: str = DEFAULT_COLLECTION


@dataclass(frozen=True, slots=True)
class ArrangeRequest:
    """A picture of a collection to be drawn by t-SNE; the arguments are as in `arranging.arrange_collection`."""

    collection: str = DEFAULT_COLLECTION
    perplexity: float = 30.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReindexRequest:
    """A generation to be built by another encoder, in another precision or of chunks of another length.

    What is None stays as it is in the live generation; the precision of another encoder is then as set.
    `switch` lets the gate decide, `force` overrides it; `non_inferior` and `guard` are as in `gate.terms.SwitchTerms`.
    """

    collection: str
    encoder: str | None = None
    precision: str | None = None
    chunk_tokens: int | None = None
    chunk_overlap: int | None = None
    switch: bool = False
    force: bool = False
    queries: str | None = None
    qrels: str | None = None
    non_inferior: float | None = None
    guard: str | None = None


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A prediction of what the gate would say of an encoder, from a part of the documents; nothing is built.

    The queries are as in `EvaluateRequest`.
    """

    collection: str
    encoder: str
    queries: str | None = None
    qrels: str | None = None


@dataclass(frozen=True, slots=True)
class LearnRequest:
    """The whole loop on a collection's judgements.

    Attributes:
        name: Of the new encoder; None: the first free one that begins like the collection.
        others: As in `TrainRequest` and `gate.terms.SwitchTerms`.
    """

    collection: str
    name: str | None = None
    base: str | None = None
    epochs: int | None = None
    from_corpus: tuple[str, ...] = ()
    mine: bool = False
    batch_size: int | None = None
    learning_rate: float | None = None
    options: tuple[str, ...] = ()
    non_inferior: float | None = None
    guard: str | None = None
