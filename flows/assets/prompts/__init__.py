"""Prompts: texts with typed variables, examples, an answer's schema and tests."""
