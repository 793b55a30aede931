"""``python -m bench.guards``: precision and recall by kind on texts that were held apart.

``--practice`` and ``--development`` measure on the sentences that the rules were tuned on; ``--docs``
writes the table into docs/guards.md.
"""

import argparse
from pathlib import Path
from types import ModuleType

from bench.figures import write_page
from bench.guards import development, held, practice
from bench.guards.measuring import Score, measure, time_texts
from bench.guards.texts import make_samples

COUNT = 4_000
SEEDS = {practice: 1, development: 2, held: 20_261}
PAGE = Path(__file__).resolve().parents[2] / "docs/guards.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.guards", description=__doc__)
    parser.add_argument(
        "--practice", action="store_true", help="Measure on the sentences to tune on."
    )
    parser.add_argument(
        "--development", action="store_true", help="Measure on what recall was tuned on."
    )
    parser.add_argument("--docs", action="store_true", help="Write the table into docs/guards.md.")
    options = parser.parse_args()
    sentences = development if options.development else practice if options.practice else held
    text = describe(sentences)
    print(text)
    if options.docs:
        write_page(PAGE, text)


def describe(sentences: ModuleType) -> str:
    samples = make_samples(sentences, SEEDS[sentences], COUNT)
    texts = [sample.text for sample in samples]
    scores, rates = measure(samples, sentences), time_texts(texts)
    length = sum(map(len, texts)) // len(texts)
    return "\n".join(
        [
            f"{COUNT:,} texts of {length} characters on average, of `{sentences.__name__}`.",
            "",
            "| Kind | There | Found | Wrong | Missed | Precision | Recall | Missed ones were told as |",
            "|---|---:|---:|---:|---:|---:|---:|---|",
            *[_row(kind, score) for kind, score in scores.items()],
            "",
            "| Detector | Texts a second, one core |",
            "|---|---:|",
            *[f"| {name} | {rate:,.0f} |" for name, rate in rates.items()],
            "",
            "Errors, the first of each kind:",
            "",
            *[f"- {kind}, `{each.replace('`', chr(39))}`"
              for kind, score in scores.items() for each in score.examples],
        ]
    )  # fmt: skip


def _row(kind: str, score: Score) -> str:
    told = ", ".join(f"{name} {count}" for name, count in score.told_as.most_common(3)) or "–"
    return (
        f"| {kind} | {score.right + score.missed} | {score.right} | {score.wrong} | {score.missed} "
        f"| {score.precision:.3f} | {score.recall:.3f} | {told} |"
    )


if __name__ == "__main__":
    main()
