"""Saved states of trainings: what is kept of an object, how it is written, and the files that hold it."""

from headstock.checkpoints.base import Framework, Ranks, Stateful
from headstock.checkpoints.files import Checkpoints, Saved, pack, unpack
from headstock.checkpoints.plain import Plain

__all__ = ["Checkpoints", "Framework", "Plain", "Ranks", "Saved", "Stateful", "pack", "unpack"]
