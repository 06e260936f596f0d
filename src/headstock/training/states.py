"""States of PyTorch's objects, written by `torch.save` and read with `weights_only=True`, which runs nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pickle import PicklingError, UnpicklingError
from typing import Any, ClassVar, final

import torch
from torch.utils.data import DataLoader

from headstock.checkpoints.base import Handled, Ranks, Stateful
from headstock.errors import CheckpointError
from headstock.training.ranks import distributed_ranks


@final
@dataclass(frozen=True, slots=True)
class Torch:
    """PyTorch's objects; see `Framework` for what each method does.

    States are read into the memory of the CPU; `load_state_dict` moves them to where the object is.
    """

    name: ClassVar[str] = "torch"

    def stateful(self, thing: object) -> Stateful | None:
        """A module, optimiser, schedule or scaler; a generator, a tensor (filled in place), or a loader's shuffling."""
        if isinstance(thing, Stateful):
            return thing
        if isinstance(thing, torch.Generator):
            return Handled(thing.get_state, thing.set_state)
        if isinstance(thing, torch.Tensor):
            return Handled(thing.detach, lambda state: _fill(thing, state))
        if isinstance(thing, DataLoader):
            generators = _generators(thing)
            return Handled(
                lambda: [generator.get_state() for generator in generators],
                lambda states: [g.set_state(state) for g, state in zip(generators, states, strict=True)],
            )
        return None

    def randomness(self) -> Mapping[str, Stateful]:
        """The generators of the CPU and of the accelerators that are in use."""
        sources: dict[str, Stateful] = {"torch": Handled(torch.get_rng_state, torch.set_rng_state)}
        if torch.cuda.is_initialized():
            sources["cuda"] = Handled(torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all)
        if torch.backends.mps.is_available():
            sources["mps"] = Handled(torch.mps.get_rng_state, torch.mps.set_rng_state)
        return sources

    def ranks(self) -> Ranks | None:
        """The processes of `torch.distributed`, if it was initialised with more than one."""
        return distributed_ranks()

    def write(self, state: Any, file: BufferedIOBase) -> None:
        """Write by `torch.save`."""
        try:
            torch.save(state, file)  # type: ignore[arg-type] # it only needs write
        except (
            AttributeError,
            PicklingError,
            RuntimeError,
            TypeError,
        ) as error:  # a lambda, an open file ... among the state
            raise CheckpointError(f"PyTorch cannot save it ({error}).") from error

    def read(self, file: BufferedIOBase) -> Any:
        """Read by `torch.load(weights_only=True)`, which takes tensors and plain values and nothing else."""
        try:
            return torch.load(file, map_location="cpu", weights_only=True)  # type: ignore[arg-type] # and read and seek
        except (EOFError, RuntimeError, UnpicklingError, ValueError) as error:
            raise CheckpointError(
                f"PyTorch does not load it with weights_only=True, which runs no code of the file ({_reason(error)}). "
                f"Let state_dict() give tensors, numbers, strings, lists, tuples and dictionaries only."
            ) from error


def _reason(error: Exception) -> str:
    """What PyTorch did not like, without its advice to load the file by other means."""
    refused = re.search(r"WeightsUnpickler error: (.*? (?:global|class|operand)[^.]*\S+)", str(error))
    return refused[1] if refused else (str(error).strip().splitlines() or [type(error).__name__])[0]


@torch.no_grad()
def _fill(tensor: torch.Tensor, state: torch.Tensor) -> None:
    """Put the numbers of a saved tensor into the one that is there.

    Raises:
        CheckpointError: if they do not fit.
    """
    if (tensor.shape, tensor.dtype) != (state.shape, state.dtype):
        raise CheckpointError(
            f"What was saved is {state.dtype}{list(state.shape)}, which does not fit into "
            f"{tensor.dtype}{list(tensor.shape)}. Attach a tensor of the same type and shape."
        )
    tensor.copy_(state)


def _generators(loader: DataLoader[Any]) -> list[torch.Generator]:
    """The generators that a loader shuffles by; without any of its own it shuffles by PyTorch's global one."""
    batches = getattr(loader, "batch_sampler", None)
    holders = (loader, getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    found = (getattr(holder, "generator", None) for holder in holders)
    unique = {id(generator): generator for generator in found if isinstance(generator, torch.Generator)}
    return list(unique.values())
