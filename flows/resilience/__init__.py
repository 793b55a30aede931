"""Breakers and limits: protect flows and services when one of them is slow, broken or scarce.

Breakers (by destination) and limits (by key) are rows, so that all workers share them.
"""
