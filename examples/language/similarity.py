"""How alike two texts are, by the words they share; rare words count more. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence


def list_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


class Likeness:
    """Compares texts with a fixed collection of them.

    A text is a vector of its words' counts, each times log((1 + n) / (1 + texts with it)) + 1
    (smoothed inverse document frequency); two are compared by the cosine of their vectors.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [Counter(list_words(text)) for text in texts]
        holding = Counter(word for bag in bags for word in bag)
        self._rarity = {
            word: math.log((1 + len(bags)) / (1 + count)) + 1 for word, count in holding.items()
        }
        self._unseen = math.log(1 + len(bags)) + 1
        self._vectors = [self._weigh(bag) for bag in bags]

    def compare(self, text: str) -> list[float]:
        """Return how alike the text is to each of the collection, 0 to 1."""
        vector = self._weigh(Counter(list_words(text)))
        return [_cosine(vector, each) for each in self._vectors]

    def _weigh(self, bag: Counter[str]) -> dict[str, float]:
        return {word: n * self._rarity.get(word, self._unseen) for word, n in bag.items()}


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    both = sum(weight * other[word] for word, weight in one.items() if word in other)
    sizes = math.hypot(*one.values()) * math.hypot(*other.values())
    return both / sizes if sizes else 0.0
