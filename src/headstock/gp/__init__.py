"""Gaussian-process surrogates: arrays in, arrays out; nothing here knows of search spaces or trials.

Inputs are points of the unit cube, outputs are larger where they are better. `surrogate` puts the parts together.
"""
