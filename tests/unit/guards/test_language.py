"""The language of a text is guessed from its small words, or not at all."""

import pytest

from flows.guards.language import find_language

# ruff: noqa: E501
TEXTS = {
    "en": "The amount that you have to pay is in the letter, and we ask you for it by the end of June.",
    "de": "Der Betrag ist bis zum Ende des Monats auf das Konto zu zahlen, das wir Ihnen mit dem Brief nennen, und nicht bar.",
    "fr": "Le montant est à payer dans les dix jours sur le compte que nous vous avons indiqué par la lettre.",
    "es": "El importe se debe pagar en la cuenta que se indica en la carta, y no más tarde que el último día de junio.",
    "it": "Il conto è da pagare nel mese di giugno e non oltre la fine del mese, con la lettera che si allega.",
    "nl": "Het bedrag is voor het einde van de maand te betalen op de rekening die wij u met deze brief noemen, en niet later.",
}  # fmt: skip


@pytest.mark.parametrize("language", TEXTS)
def test_sentences_tell_their_language(language: str) -> None:
    assert find_language(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "IBAN DE89 3704 0044 0532 0130 00", "Müller 12.50 EUR"])
def test_what_tells_nothing_has_none(text: str) -> None:
    assert find_language(text) is None
