"""Ax: notebooks and tutorials."""
