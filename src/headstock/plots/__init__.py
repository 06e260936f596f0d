"""Plotly figures of one style: numbers in, a figure out.

Every function takes a `History` or what `headstock.analysis` computed, and returns a `plotly.graph_objects.Figure`.
A figure that needs more results than there are raises `NoResultError` with one sentence that says so.
"""
