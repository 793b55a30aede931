"""A storm: runs of many kinds, faults in every process, and a model that knows how each must end.

``storm.py`` is the whole of it; ``python -m tests.chaos.storm --help`` runs one.
"""
