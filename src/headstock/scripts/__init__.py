"""Tuning any script: how parameters are written, handed over, and how results come back."""
