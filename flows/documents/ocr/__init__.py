"""Recognise text in the image of a page, with the engine that is installed here."""
