"""Fields of a document by a schema: each with value, confidence, place, and the lines it rests on.

``rules`` declares fields, ``typed`` reads their values, ``tokens`` lays a document's words out in
rows. ``anchors``, ``patterns`` and ``columns`` find values by rule, ``evidence`` asks a model and
checks what it cites. ``fields`` puts it together.
"""
