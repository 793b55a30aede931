"""Tamper with a ledger at random, as who owns the database can, and see what verification finds.

    python -m bench.tampering [--entries 100000] [--tamperings 1000] [--together 50] [--seed 1]

Verifying takes seconds, so tamperings that touch nothing in common are done together: one
verification must then name a place of each. Each batch is rolled back. Those that touch the whole
ledger are tried one by one. Prints, by kind, how many were tried and found.
"""
