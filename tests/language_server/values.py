"""Values that fit a JSON Schema, the same ones for the same seed."""

import random
from typing import Any

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron")


def make_value(schema: Any, seed: str) -> Any:
    """Return a value that fits a plain schema: types, enums, bounds, lengths, local references."""
    return _Maker(schema, random.Random(seed)).make(schema)


class _Maker:
    def __init__(self, root: Any, chance: random.Random) -> None:
        self.root, self.chance = root, chance

    def make(self, schema: Any) -> Any:
        if "$ref" in schema:
            return self.make(self.root["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.make(self.chance.choice(schema[key]))
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = self.chance.choice(kind)
        return getattr(self, f"make_{kind}")(schema)

    def make_object(self, schema: Any) -> Any:
        return {name: self.make(part) for name, part in schema.get("properties", {}).items()}

    def make_array(self, schema: Any) -> Any:
        least = schema.get("minItems", 1)
        count = self.chance.randint(least, schema.get("maxItems", least + 2))
        return [self.make(schema.get("items", {})) for _ in range(count)]

    def make_string(self, schema: Any) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
        text = " ".join(self.chance.choice(WORDS) for _ in range(3))
        return text.ljust(least, "x")[:most]

    def make_integer(self, schema: Any) -> int:
        least = schema.get("minimum", 0)
        return self.chance.randint(least, schema.get("maximum", least + 100))

    def make_number(self, schema: Any) -> float:
        least = schema.get("minimum", 0)
        return round(self.chance.uniform(least, schema.get("maximum", least + 1)), 3)

    def make_boolean(self, schema: Any) -> bool:
        return self.chance.random() < 0.5

    def make_null(self, schema: Any) -> None:
        return None
