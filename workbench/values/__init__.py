"""What a value may be, and how it is read from text. Plain Python, used at every door.

What passes here can be stored, hashed and shown alike on every database and in every browser.
"""
