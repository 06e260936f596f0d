"""Ax: the managed loop."""
