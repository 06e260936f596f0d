"""Ax: tutorials."""
