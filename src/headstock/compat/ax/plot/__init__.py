"""Ax: plots."""
