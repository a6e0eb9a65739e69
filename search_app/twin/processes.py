"""Several processes that train one network, each on its share of every batch.

Every process holds the same weights and computes the loss of the whole batch: vectors are gathered from all, the
gradients of the weights are summed over all, so that each step is the step that one process would take with the whole
batch. `torchrun` starts the processes; the first one leads, the others follow what it tells them.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Told = TypeVar("Told")
Row = TypeVar("Row")

_RANK, _COUNT, _LOCAL_RANK = "RANK", "WORLD_SIZE", "LOCAL_RANK"  # torchrun gives them
_PATIENCE = timedelta(days=1)  # followers wait while the leader measures; torchrun ends them if it dies


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train together."""

    rank: int
    count: int

    @property
    def are_one(self) -> bool:
        """There is nobody to share with."""
        return self.count == 1

    @property
    def is_leader(self) -> bool:
        """This process measures, writes and reports."""
        return self.rank == 0

    def share(self, rows: Sequence[Row]) -> list[Row]:
        """This process' part of a batch; the parts of all, in the order of ranks, are the batch."""
        start, end = (len(rows) * edge // self.count for edge in (self.rank, self.rank + 1))
        return list(rows[start:end])

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows of all processes in the order of ranks; only this one's own carry gradients."""
        sizes = self._sizes(len(rows))
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows.detach()
        everybody = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(everybody, padded)
        parts = [part[:size] for part, size in zip(everybody, sizes, strict=True)]
        parts[self.rank] = rows
        return torch.cat(parts)

    def count_before(self, own: int) -> int:
        """The rows of the processes before this one, which has `own` of them."""
        return sum(self._sizes(own)[: self.rank])

    def sum_gradients(self, shared: Iterable[nn.Parameter], *, whole: Iterable[nn.Parameter] = ()) -> None:
        """Give the weights of every process the gradients of the whole batch.

        Args:
            shared: Weights whose gradients are those of this process' texts.
            whole: Weights that the loss itself uses: their gradients are those of the whole batch already.
        """
        if self.are_one:
            return
        partial = [weights.grad for weights in shared if weights.grad is not None]
        complete = [weights.grad.div_(self.count) for weights in whole if weights.grad is not None]
        gradients = partial + complete
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        for gradient, summed in zip(gradients, torch.split(together, [one.numel() for one in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def told(self, value: Told) -> Told:
        """What the leader passes here; the others wait for it."""
        if self.are_one:
            return value
        said = [value]
        distributed.broadcast_object_list(said, src=0, device=torch.device("cpu"))
        return said[0]

    def _sizes(self, own: int) -> list[int]:
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        distributed.all_gather(sizes, torch.tensor([own]))
        return [int(size) for size in sizes]


ALONE = Processes(rank=0, count=1)


def is_shared() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get(_COUNT, "1")) > 1


def is_follower() -> bool:
    """Whether torchrun started this process, and not as the first one."""
    return is_shared() and int(os.environ.get(_RANK, "0")) > 0


def join_processes() -> Processes:
    """Meets the other processes that torchrun has started; `ALONE` when it has started none."""
    if int(os.environ.get(_COUNT, "1")) == 1:
        return ALONE
    if not distributed.is_initialized():
        has_cuda = torch.cuda.is_available()
        if has_cuda:
            torch.cuda.set_device(int(os.environ[_LOCAL_RANK]))
        distributed.init_process_group("cpu:gloo,cuda:nccl" if has_cuda else "gloo", timeout=_PATIENCE)
    return Processes(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def unseen() -> Iterator[None]:
    """Let a library believe meanwhile that this process is alone, so that it doesn't share the work a second time."""
    hidden = {name: os.environ.pop(name) for name in (_RANK, _COUNT, _LOCAL_RANK) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
