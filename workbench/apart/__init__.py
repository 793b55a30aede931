"""Work in processes of their own, whose time and memory are bounded.

For what holds the interpreter's lock for long, and for what reads files that nobody vouches for.
``children`` asks; ``program`` is the loop of the process that is asked.
"""
