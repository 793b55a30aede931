"""What keeps a flow from hurting others when something outside is slow, broken or scarce.

Breakers by destination and limits by key live in the database, so that all workers share them.
"""
