"""The sub-commands of ``manage.py prompt``; other kinds of assets have the same."""
