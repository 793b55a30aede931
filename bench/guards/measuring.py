"""Compare what the detectors tell with what is in the texts, and count both kinds of errors."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from bench.guards.texts import Sample, list_answers, list_languages
from flows.guards.findings import Hit
from flows.guards.injection import find_injections
from flows.guards.language import guess_language
from flows.guards.personal import KINDS, PersonalRule, find_personal
from flows.guards.quality import QualityRule, find_faults
from flows.guards.secrets import find_secrets

AT_LEAST = 0.5
MOST_EXAMPLES = 4


@dataclass
class Score:
    """How often a kind was told rightly, wrongly, and not; with examples of the errors."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    told_as: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)


def measure(samples: Sequence[Sample], sentences: ModuleType) -> dict[str, Score]:
    """Return the score of each kind."""
    scores = {name: Score() for name in (*KINDS, "secret", "injection", "quality", "language")}
    for sample in samples:
        _count_values(sample, scores)
        told = any(hit.score >= AT_LEAST for hit in find_injections(sample.text))
        _count(scores["injection"], sample.text, sample.is_injection, told)
    for text, is_fault in list_answers(sentences):
        told = any(hit.score >= AT_LEAST for hit in find_faults(text, QualityRule()))
        _count(scores["quality"], text, is_fault, told)
    for text, language in list_languages(sentences):
        guessed, sure = guess_language(text)
        told_as = guessed if sure >= AT_LEAST else ""
        _count(
            scores["language"],
            f"{language} as {told_as or 'none'}: {text}",
            True,
            told_as == language,
        )
    return scores


def _count(score: Score, text: str, is_there: bool, told: bool) -> None:
    score.right += is_there and told
    score.wrong += told and not is_there
    score.missed += is_there and not told
    if is_there != told:
        _note(score, ("missed: " if is_there else "wrong: ") + text)


def _note(score: Score, example: str) -> None:
    if len(score.examples) < MOST_EXAMPLES:
        score.examples.append(" ".join(example.split())[:160])


def _count_values(sample: Sample, scores: dict[str, Score]) -> None:
    """Count a value as found if a finding of its kind overlaps it."""
    hits = [hit for hit in _find_all(sample.text) if hit.score >= AT_LEAST]
    used: set[Hit] = set()
    at: dict[str, int] = {}
    for kind, value in sample.values:
        start = sample.text.find(value, at.get(value, 0))
        at[value] = start + len(value)
        over = [hit for hit in hits if hit.start < start + len(value) and hit.end > start]
        same = [hit for hit in over if hit.kind == kind]
        used.update(over)
        if same:
            scores[kind].right += 1
        else:
            scores[kind].missed += 1
            scores[kind].told_as[over[0].kind if over else "nothing"] += 1
            _note(scores[kind], f"missed: {value}")
        for hit in over:
            if hit.kind != kind:
                scores[hit.kind].wrong += 1
    for hit in hits:
        if hit not in used:
            scores[hit.kind].wrong += 1
            context = sample.text[max(0, hit.start - 40) : hit.end + 10]
            _note(scores[hit.kind], f"wrong: {context}")


def _find_all(text: str) -> list[Hit]:
    return [*find_personal(text, PersonalRule()), *find_secrets(text)]


CHEAP: dict[str, Callable[[str], object]] = {
    "personal data": lambda text: find_personal(text, PersonalRule()),
    "secrets": find_secrets,
    "injection": find_injections,
    "language": guess_language,
    "quality": lambda text: find_faults(text, QualityRule()),
}


def time_texts(texts: Iterable[str]) -> dict[str, float]:
    """Return how many of the texts each detector reads in a second of processor time."""
    given = list(texts)
    rates = {name: _rate(find, given) for name, find in CHEAP.items()}
    rates["all of these"] = 1 / sum(1 / rate for rate in rates.values())
    return rates


def _rate(find: Callable[[str], object], texts: list[str]) -> float:
    began = time.process_time()
    for text in texts:
        find(text)
    return len(texts) / (time.process_time() - began)
