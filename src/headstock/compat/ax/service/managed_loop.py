"""Ax's `service.managed_loop`: `optimize`."""

from headstock.loop import optimize

__all__ = ["optimize"]
