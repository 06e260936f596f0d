"""Ax: notebooks."""
