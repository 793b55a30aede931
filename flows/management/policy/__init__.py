"""The sub-commands of ``manage.py policy`` about points."""
