"""Processes that train together by `torch.distributed`: what one of them knows, all of them hear."""

from dataclasses import dataclass
from typing import final

import torch
from torch import distributed


@final
@dataclass(frozen=True, slots=True)
class Distributed:
    """The default group of `torch.distributed`; see `Ranks` for what each method does.

    Args:
        rank: the number of this process.
        size: how many there are.
        device: where the group takes tensors from.
    """

    rank: int
    size: int
    device: torch.device

    def first(self, message: bytes) -> bytes:
        """Broadcast from rank 0, as plain numbers: nothing that is received is unpickled."""
        length = torch.tensor([len(message)], dtype=torch.int64, device=self.device)
        distributed.broadcast(length, 0)
        data = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.rank == 0:
            data.copy_(torch.tensor(list(message), dtype=torch.uint8))
        distributed.broadcast(data, 0)
        return bytes(data.tolist())

    def each(self, number: int) -> list[int]:
        """Gather one number of each."""
        mine = torch.tensor([number], dtype=torch.int64, device=self.device)
        gathered = [torch.zeros_like(mine) for _ in range(self.size)]
        distributed.all_gather(gathered, mine)
        return [int(one) for one in gathered]

    def gather(self, message: bytes) -> list[bytes]:
        """Gather bytes of each, as plain numbers, too."""
        lengths = self.each(len(message))
        mine = torch.zeros(max(lengths), dtype=torch.uint8, device=self.device)
        mine[: len(message)] = torch.tensor(list(message), dtype=torch.uint8)
        gathered = [torch.zeros_like(mine) for _ in range(self.size)]
        distributed.all_gather(gathered, mine)
        return [bytes(one[:length].tolist()) for one, length in zip(gathered, lengths, strict=True)]

    def part(self) -> None:
        """Destroy the group."""
        distributed.destroy_process_group()


def distributed_ranks() -> Distributed | None:
    """The processes that train together with this one; None if it is alone."""
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return None
    is_nccl = distributed.get_backend() == "nccl"  # which takes tensors of GPUs only
    device = torch.device("cuda", torch.cuda.current_device()) if is_nccl else torch.device("cpu")
    return Distributed(distributed.get_rank(), distributed.get_world_size(), device)
