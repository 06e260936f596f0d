"""Acquisition functions say where an evaluation is worth most; `maximise` finds the place."""
