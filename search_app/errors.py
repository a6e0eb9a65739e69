"""What can go wrong, and with which exit code the command line ends.

    TwinsearchError (ingest.errors)          1
    ├── UsageError                           2   the request itself can't be meant
    │   ├── QueryError                           an empty or boundless query, a wrong k
    │   └── FilterError                          an unknown field, a wrong type, a malformed filter
    ├── NotFound                             1
    │   ├── UnknownCollection, UnknownGeneration, UnknownDocument
    │   └── UnknownEncoder, UnknownJob, UnknownJudgement, UnknownReview, UnknownUser
    ├── Forbidden                            1   the user's role doesn't allow it
    ├── FingerprintMismatch                  1   an encoder that didn't fill this generation
    ├── EncoderError                         1   an encoder that can't or mustn't be loaded
    ├── TrainingError                        1   examples or a run that can't give a good encoder
    ├── GateRefused                          1   the new generation isn't better
    ├── CatalogError                         1   the catalogue can't be read or written
    ├── IndexFailure                         1   Milvus answered with an error
    ├── DiskFull                             1   a disk has no room left
    ├── CollectionInUse                      4   another process writes to the collection
    ├── MilvusUnreachable                    5   no Milvus answers
    │   └── EngineError                          the embedded one doesn't start
    ├── DamageFound                          6   a check found what must be mended
    └── Cancelled                          130   stopped by a person, at the edge of a batch

`str(error)` is one sentence for people: what happened with the value, what was expected, what to do next.
"""

from ingest.errors import TwinsearchError


class UsageError(TwinsearchError):
    """A request that can't be meant as it was given."""

    exit_code = 2


class QueryError(UsageError):
    """A query that can't be searched for."""


class FilterError(UsageError):
    """A filter on an unknown field, with a value of the wrong type, or malformed."""


class NotFound(TwinsearchError):
    """A name that nothing has."""


class UnknownCollection(NotFound):
    """No collection has this name."""


class UnknownGeneration(NotFound):
    """The collection has no such generation."""


class UnknownDocument(NotFound):
    """The collection holds no document with this id."""


class UnknownEncoder(NotFound):
    """No encoder has this name."""


class UnknownJob(NotFound):
    """No job has this id."""


class UnknownJudgement(NotFound):
    """No judgement has this number."""


class UnknownReview(NotFound):
    """No entry of a review list has this number."""


class UnknownUser(NotFound):
    """Nobody of this name has a role."""


class Forbidden(TwinsearchError):
    """The role of whoever asks doesn't allow it."""


class FingerprintMismatch(TwinsearchError):
    """The encoder at hand is not the one that filled the generation."""


class EncoderError(TwinsearchError):
    """An encoder folder that can't or must not be loaded."""


class TrainingError(TwinsearchError):
    """Examples or a run from which no good encoder can come."""


class GateRefused(TwinsearchError):
    """The held-out judgements don't say that the new generation is better."""


class CatalogError(TwinsearchError):
    """The catalogue can't be opened, read or written."""


class IndexFailure(TwinsearchError):
    """Milvus answered, with an error."""


class DiskFull(TwinsearchError):
    """A disk has no room for what must be written."""


class CollectionInUse(TwinsearchError):
    """Another process writes to the collection."""

    exit_code = 4


class MilvusUnreachable(TwinsearchError):
    """No Milvus answers at the address."""

    exit_code = 5


class EngineError(MilvusUnreachable):
    """The embedded Milvus does not start or ended."""


class DamageFound(TwinsearchError):
    """A check found something that must be mended."""

    exit_code = 6


class Cancelled(TwinsearchError):
    """Stopped by a person, at the edge of a batch."""

    exit_code = 130
