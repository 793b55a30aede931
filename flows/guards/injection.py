"""Text that tries to instruct whoever reads it: a language model, or the template it is put into.

Looked for in the folded text, in what is encoded in it, and in the form of the text itself. What
is found is a reason to look, and no proof; a text without a finding can still be an attack.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from flows.guards.context import compile_words, get_before
from flows.guards.findings import Hit
from flows.guards.folding import Folded, fold_words, is_hidden, unmask_digits
from flows.guards.orders import find_orders, is_no_order

MOST_DECODED = 50
_LONGEST_ENCODED = 8_192


@dataclass(frozen=True, slots=True)
class Phrase:
    """A way to say it, and how sure it is that nobody else would."""

    rule: str
    pattern: re.Pattern[str]
    score: float
    hints: tuple[str, ...]


def _phrase(rule: str, score: float, hints: str, pattern: str) -> Phrase:
    # A space in a pattern is any blank, or a few; a gap `~` is a few words.
    gap = r"(?:(?:[ \t\n,:'\"-]{1,3}[a-z0-9]{1,16}){0,5}?[ \t\n,:'\"-]{1,3})"
    text = pattern.replace(" ", r"(?:[ \t\n\"'-]{1,3})").replace("~", gap)
    return Phrase(rule, re.compile(r"(?<![a-z])" + text), score, tuple(hints.split("|")))


_PAST = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|former|system|"
    r"your|all|any|these|those)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|directives?|guidelines?|commands?|programming|training|"
    r"constraints?|policies|polic(?:y|ies)|messages?|context|orders)"
)
PHRASES = (
    _phrase("ignore_instructions", 0.85, "ignor|disregard|forget|overrid|bypass|neglect|skip|drop",
            rf"(?:ignore|disregard|forget|override|overrule|bypass|neglect|skip|drop)~{_PAST}~?"
            rf"(?:[a-z]{{1,12}} ){{0,2}}{_ORDERS}"),
    _phrase("ignore_instructions", 0.8, "ignor|disregard|forget",
            r"(?:ignore|disregard|forget) (?:everything|all|anything)(?: (?:that|you|i|we|was|has|been"
            r"|have|were)){0,4} (?:above|before|said|told|written|read|so far|previously|earlier)"),
    _phrase("ignore_instructions", 0.8, "ignor|disregard|forget|overrid|bypass",
            rf"(?:ignore|disregard|forget|override|bypass)~{_ORDERS}(?: (?:that|you|i|we|were|was"
            r"|have|has|been|are)){0,4} (?:above|before|earlier|given|previously|so far|until now)"),
    _phrase("ignore_instructions", 0.7, "follow|obey|apply",
            r"(?:do not|don.?t|stop) (?:follow(?:ing)?|obey(?:ing)?|apply(?:ing)?)~"
            r"(?:instructions?|rules?|guidelines?|prompt)"),
    _phrase("ignore_instructions", 0.85, "ignor|vergiss|missacht|vergessen|ubergeh|uberspring|beacht",
            r"(?:ignorier(?:e|en|t)?|vergiss|vergessen|missachte[nt]?|ubergehe?n?|uberspringe?n?"
            r"|(?:be)?achte[nt]? (?:sie )?nicht)"
            r"~(?:anweisung(?:en)?|instruktion(?:en)?|vorgaben?|regeln?|anordnung(?:en)?|prompts?"
            r"|befehle?)"),
    _phrase("ignore_instructions", 0.85, "ignor|oubli|suis pas|suivez pas|tenez pas|tiens pas|fais abstraction",
            r"(?:ignore[rsz]?|oublie[rsz]?|ne (?:suis|suivez|tenez|tiens) (?:pas|plus)"
            r"(?: compte)?|fais abstraction)"
            r"~(?:instructions?|consignes?|regles?|directives?|ordres?|prompts?)"),
    _phrase("new_instructions", 0.7, "instruction|task|rules|prompt|goal",
            r"(?:your|these are (?:your|the)|here are (?:your|the)|follow these) "
            r"(?:new|real|actual|true|updated|only) "
            r"(?:instructions?|task|goal|role|objective|prompt)"),
    _phrase("new_instructions", 0.6, "instruction|anweisung|consigne",
            r"(?:new|important|updated|additional|neue|wichtige|nouvelles?|importantes?) (?:system )?"
            r"(?:instructions?|anweisung(?:en)?|consignes?) ?(?:for|to|fur|an|pour)~"
            r"(?:ai|assistant|model|bot|llm|ki|ia|modell|modele|agent|assistenten)"),
    _phrase("new_instructions", 0.55, "from now on|ab jetzt|ab sofort|desormais|a partir de maintenant",
            r"(?:from now on|ab jetzt|ab sofort|desormais|a partir de maintenant),? ?"
            r"(?:you|du|sie|ihr|tu|vous|answer|reply|respond|act|bist|antworte|reponds)"),
    _phrase("role_play", 0.7, "you are|act as|pretend|du bist|tu es|vous etes|behave|roleplay|spiel",
            r"(?:you are|act as|acting as|pretend (?:to be|you are|that you are)|behave (?:as|like)"
            r"|du bist|tu es|vous etes|agis comme|spiele?)~(?:dan|jailbroken|unrestricted|unfiltered"
            r"|uncensored|developer mode|no (?:rules|restrictions|limits|filters?)|uneingeschrankte?"
            r"|ohne (?:regeln|einschrankungen|grenzen)|sans (?:restrictions?|limites?|regles|filtres?)"
            r"|without (?:any )?(?:rules|restrictions|limits|filters?|limitations))"),
    _phrase("role_play", 0.6, "mode", r"(?:enable|enter|activate|switch to|aktiviere|active|passe en)~"
            r"(?:developer|debug|god|admin|jailbreak|dan|sudo|maintenance|entwickler|developpeur)"
            r" ?(?:mode|modus)?(?![a-z])"),
    _phrase("reveal_prompt", 0.8, "prompt|instruction|anweisung|consigne",
            r"(?:reveal|show|print|repeat|output|display|tell|give|share|leak|quote|write out|copy"
            r"|list|recite|summari[sz]e|zeige?|nenne?|gib|wiederhole?|verrate?|drucke?)~"
            r"(?:system ?prompt|system message|system ?(?:anweisung(?:en)?|instructions?)|hidden"
            r" (?:prompt|instructions?)|initial (?:prompt|instructions?)|your (?:prompt|instructions)"
            r"|deine?n? (?:anweisungen|instruktionen|prompt)|ihre (?:anweisungen|instruktionen)"
            r"|(?:tes|vos) (?:instructions|consignes)|(?:ton|votre) prompt|prompt systeme"
            r"|instructions systeme|secret instructions?)"
            r"(?! (?:on|for|how|about|to|regarding|zur|zum|fur|pour|sur)(?![a-z]))"),
    _phrase("reveal_prompt", 0.6, "what|were|was",
            r"what (?:are|were|is|was) your (?:system )?(?:exact |original |initial |hidden )?"
            r"(?:prompt|instructions)(?! (?:on|for|how|about|to|regarding)(?![a-z]))"),
    _phrase("hide_from_people", 0.7, "user|human|anyone|people|reviewer|nutzer|benutzer|utilisateur|mensch|personne",
            r"(?:do not|don.?t|never|without)~?(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?"
            r"|mention(?:ing)? (?:this|it|that)(?: to)?|let)~?"
            r"(?:user|human|anyone|anybody|people|reviewer|operator|customer)"),
    _phrase("hide_from_people", 0.7, "nutzer|benutzer|mensch|niemand|prufer|utilisateur|personne",
            r"(?:sage?|sag|teile?|informiere?|erwahne?|verrate?|dis|dites|informe[zr]?|mentionne[zr]?)~"
            r"(?:nutzer|benutzer|niemandem?|menschen|prufer|utilisateurs?|personne)~?(?:nicht|nichts|rien|pas|davon)"),
    _phrase("force_outcome", 0.75, "approv|accept|grant|mark|rate|set|score|classif|genehmig|bewert|approuv|note",
            r"(?:ai|assistant|model|bot|system|llm|classifier|grader|reviewer bot|ki|ia)[,:]? ?"
            r"(?:must|should|shall|has to|please|bitte|muss|soll|doit|dois|you must)~"
            r"(?:approve|accept|grant|mark|rate|score|classify|release|pay|genehmigen?|bewerten?|akzeptieren?"
            r"|freigeben|approuver|accepter|valider|noter)"),
    _phrase("force_outcome", 0.7, "regardless|always|egal|immer|toujours|quoi",
            r"(?:always|only|just|immer|toujours|nur) (?:answer|respond|reply|return|output|say|approve"
            r"|antworte?n?|reponds?|repondez)~(?:approved?|yes|true|accept(?:ed)?|1\.0|100|ja|genehmigt"
            r"|oui|approuve)"),
    _phrase("send_out", 0.75, "http|@|send|post|upload|forward|exfil",
            r"(?:send|post|upload|forward|transmit|exfiltrate|leak|schicke?|sende?n?|envoie|envoyez)~"
            r"(?:conversation|chat history|api keys?|credentials?|(?:all|the|user) passwords?|secrets?|tokens?|system prompt"
            r"|customer data|all data|database|zugangsdaten|passworter|kundendaten|mots de passe|identifiants"
            r"|donnees (?:des )?clients?)"),
)  # fmt: skip

# Marks of a conversation's parts, of tools, of templates: nobody types them in a letter.
_MARKS = (
    ("role_marker", 0.9, re.compile(r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id"
                                    r"|start_header_id|end_header_id|begin_of_text)\|?>?")),
    ("role_marker", 0.85, re.compile(r"\[/?inst\]|<</?sys>>|</?(?:system|assistant|instructions?)>")),
    ("role_marker", 0.6, re.compile(r"(?m)^[ \t#*>]{0,6}(?:system|assistant|developer)(?: (?:prompt|message"
                                    r"|note|override))?[ \t*]{0,3}:[ \t]{0,3}(?=[a-z\"'])")),
    ("role_marker", 0.75, re.compile(r"(?m)^[ \t]{0,4}#{2,4} ?(?:system|instruction|new instructions?|assistant|response)"
                                     r"[ \t]{0,3}:?[ \t]{0,3}$")),
    ("end_of_input", 0.6, re.compile(r"[-=#*]{3,12} ?end of (?:user )?(?:input|document|text|prompt|message|data|context)"
                                     r" ?[-=#*]{0,12}")),
    ("tool_call", 0.85, re.compile(r"</?(?:tool_call|function_call|tool_result|function_results?|invoke|antml:[a-z_]{1,20}"
                                   r"|tool_use)[ >]")),
    ("tool_call", 0.8, re.compile(r"\"(?:tool_calls?|function_call|tool_use|tool_choice)\"[ \t\n]{0,8}:")),
    ("tool_call", 0.8, re.compile(r"\"name\"[ \t\n]{0,8}:[ \t\n]{0,8}\"[a-z0-9_.\-]{1,64}\"[ \t\n]{0,8},[ \t\n]{0,8}"
                                  r"\"(?:arguments|parameters)\"[ \t\n]{0,8}:")),
    ("tool_call", 0.7, re.compile(r"to=functions\.|functions\.[a-z_]{2,40}\(")),
    ("send_out", 0.75, re.compile(r"!\[[^\]\n]{0,200}\]\(https?://[^)\s]{1,300}[?&][a-z0-9_]{1,30}=[^)\s]{0,20}[{<\[]")),
    ("template", 0.5, re.compile(r"\{\{[^{}\n]{0,80}(?:system|prompt|config|env|secret|__)[^{}\n]{0,80}\}\}")),
)  # fmt: skip
_HIDDEN_STYLE = re.compile(
    r"(?:display ?: ?none|visibility ?: ?hidden|font-size ?: ?0|opacity ?: ?0(?![.\d])|color ?: ?"
    r"(?:white|#fff(?:fff)?)(?![0-9a-f]))"
)
_ORDER_WORDS = re.compile(
    r"(?<![a-z])(?:ignore|instruction|assistant|system prompt|you must|approve|anweisung|ignoriere"
    r"|llm|ai model|consigne|do not tell|chatbot|reveal)"
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{24,8192}={0,2}(?![A-Za-z0-9+/=])")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}[ :]?){20,4096}(?![0-9a-fA-F])")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}){4,2000}")
_ENTITIES = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};){6,2000}")
_ESCAPES = re.compile(r"(?:\\u00[0-9a-fA-F]{2}|\\x[0-9a-fA-F]{2}){6,2000}")
_SPACED = re.compile(r"(?<![a-z0-9])(?:[a-z][ .*_-]){7,400}[a-z](?![a-z0-9])")
_JOINED = re.compile(
    r"ignore(?:all|any|the|your)?(?:previous|prior|above)|systemprompt|ignoriere(?:alle|die)?"
    r"|previousinstructions|disregard(?:all|the|any)|ignore(?:z)?(?:toutes)?les(?:instructions|consignes)"
)
_ABOUT = compile_words(
    "prompt injection", "injection", "jailbreak", "attack", "phishing", "attacker", "malicious",
    "security", "such as", "for example", "e.g.", "example", "the phrase", "the text", "the words",
    "tried", "attempt", "contained", "contains", "said", "wrote", "reads", "reported", "incident",
    "angriff", "sicherheit", "beispiel", "z. b.", "versuch", "enthielt", "stand", "gemeldet",
    "attaque", "securite", "exemple", "tentative", "contenait", "signale", "beispielsweise",
)  # fmt: skip
# Phrases that begin with a verb, and are harmless where it is no order.
_ACTS = frozenset({"ignore_instructions", "send_out"})
_QUOTED = 0.45  # of its score keeps what is quoted where injections are written about


def find_injections(text: str) -> list[Hit]:
    """Return what looks like instructions to a model in a text, in its order."""
    folded = fold_words(text)
    found = [*_find_words(folded), *_find_marks(folded), *_find_spaced(folded)]
    if (letters := unmask_digits(folded)) is not None:
        found += _find_words(letters, weight=0.9)
    found += _find_hidden(text, folded)
    found += _find_mixed(text)
    found += _find_encoded(text)
    kept: dict[tuple[str, int], Hit] = {}
    for hit in sorted(found, key=lambda each: (each.start, -each.score)):
        kept.setdefault((hit.rule, hit.start), hit)
    return list(kept.values())


def _find_words(folded: Folded, weight: float = 1.0) -> Iterator[Hit]:
    for phrase in PHRASES:
        if not any(hint in folded.text for hint in phrase.hints):
            continue
        for match in phrase.pattern.finditer(folded.text):
            about = _QUOTED if _is_quoted(folded.text, match.start(), match.end()) else 1.0
            if phrase.rule in _ACTS and is_no_order(folded.text, *match.span()):
                about = min(about, _QUOTED)
            score = round(phrase.score * weight * about, 3)
            yield _hit(phrase.rule, folded.span(*match.span()), score)
    for order in find_orders(folded):
        about = _QUOTED if _is_quoted(folded.text, order.start, order.end) else 1.0
        place = folded.span(order.start, order.end)
        yield _hit(order.rule, place, round(order.score * weight * about, 3))


def _find_marks(folded: Folded) -> Iterator[Hit]:
    for rule, score, pattern in _MARKS:
        for match in pattern.finditer(folded.text):
            yield _hit(rule, folded.span(*match.span()), score)


def _hit(rule: str, span: tuple[int, int], score: float) -> Hit:
    return Hit("injection", f"injection.{rule}", *span, score)


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Return whether a place stands in quotes or code, where attacks are written about."""
    before, after = text[max(0, start - 160) : start], text[end : end + 160]
    is_in = any(before.count(mark) % 2 and mark in after for mark in ('"', "`", "'")) or (
        ("\u00ab" in before) and ("\u00bb" in after)
    )
    return is_in and bool(_ABOUT.search(get_before(text, start, 160)) or _ABOUT.search(after))


def _find_spaced(folded: Folded) -> Iterator[Hit]:
    """Find words that are spelt with a sign between all letters."""
    for match in _SPACED.finditer(folded.text):
        joined = "".join(filter(str.isalpha, match[0]))
        if _JOINED.search(joined):
            yield _hit("spaced_letters", folded.span(*match.span()), 0.8)


def _find_hidden(text: str, folded: Folded) -> Iterator[Hit]:
    """Find what people do not see and a model reads: hidden signs, comments, invisible styles."""
    if not text.isascii():
        yield from _find_hidden_signs(text)
    low = folded.text
    at = low.find("<!--")
    while at >= 0:
        close = low.find("-->", at + 4, at + 20_000)
        end = close + 3 if close > 0 else min(at + 400, len(low))
        if _ORDER_WORDS.search(low, at, end):
            yield _hit("hidden_comment", folded.span(at, end), 0.8)
        at = low.find("<!--", max(end, at + 4))
    if "style" in low:
        for match in _HIDDEN_STYLE.finditer(low):
            end = min(match.end() + 400, len(low))
            if _ORDER_WORDS.search(low, match.end(), end):
                yield _hit("hidden_style", folded.span(*match.span()), 0.75)


def _find_hidden_signs(text: str) -> Iterator[Hit]:
    tags = [at for at, sign in enumerate(text) if "\U000e0000" <= sign <= "\U000e007f"]
    # Flags of regions are made of a few tags after a flag.
    if len(tags) > 8:  # noqa: PLR2004
        yield _hit("hidden_tags", (tags[0], tags[-1] + 1), 0.95)
    turned = [at for at, sign in enumerate(text) if sign in "\u202a\u202b\u202d\u202e\u2066\u2067"]
    if turned:
        score = 0.75 if any(text[at] in "\u202d\u202e" for at in turned) else 0.3
        yield _hit("turned_text", (turned[0], turned[-1] + 1), score)
    inside = [
        at for at in range(1, len(text) - 1)
        if text[at] in "\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u200c\u200d\u180e"
        and text[at - 1].isascii() and text[at - 1].isalpha()
        and is_hidden(text[at])
    ]  # fmt: skip
    soft = sum(text[at] == "\u00ad" for at in inside)
    if len(inside) - soft > 2:  # noqa: PLR2004
        yield _hit("hidden_signs", (inside[0], inside[-1] + 1), 0.7)


_WORDS = re.compile(r"[^\W\d_]{3,40}")


def _find_mixed(text: str) -> Iterator[Hit]:
    """Find words that mix Latin letters with those of another alphabet that look like them."""
    if text.isascii():
        return
    mixed = [match for match in _WORDS.finditer(text) if _is_mixed(match[0])]
    if mixed:
        score = min(0.9, 0.45 + 0.15 * len(mixed))
        yield _hit("mixed_alphabets", (mixed[0].start(), mixed[-1].end()), score)


def _is_mixed(word: str) -> bool:
    if word.isascii():
        return False
    alphabets = {_alphabet_of(each) for each in word}
    return "LATIN" in alphabets and bool(alphabets & {"CYRILLIC", "GREEK", "ARMENIAN"})


def _alphabet_of(letter: str) -> str:
    return "LATIN" if letter.isascii() else unicodedata.name(letter, "").split(" ", 1)[0]


def _find_encoded(text: str) -> Iterator[Hit]:
    """Find instructions in what is encoded. It is decoded once, and of many places the first."""
    tried = 0
    for pattern, decode in _ENCODINGS:
        for match in pattern.finditer(text):
            tried += 1
            if tried > MOST_DECODED:
                break
            decoded = decode(match[0][:_LONGEST_ENCODED])
            if decoded and (inner := _score_decoded(decoded)):
                yield _hit("encoded", match.span(), max(0.85, inner))
    for written, unwrite in _ESCAPED:
        first = written.search(text)
        if first is not None:
            # A part of a sentence may be written so, which tells nothing without the rest.
            decoded = unwrite(text[max(0, first.start() - 200) : first.start() + _LONGEST_ENCODED])
            if inner := _score_decoded(decoded):
                yield _hit("encoded", first.span(), max(0.85, inner))


def _score_decoded(decoded: str) -> float:
    folded = fold_words(decoded)
    hits = [*_find_words(folded), *_find_marks(folded)]
    return max((hit.score for hit in hits), default=0.0)


def _decode_base64(text: str) -> str:
    plain = text.translate(_URL_SAFE).rstrip("=")
    try:
        return _to_text(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _decode_hex(text: str) -> str:
    try:
        return _to_text(bytes.fromhex(text.replace(":", "").replace(" ", "")))
    except ValueError:
        return ""


def _decode_escapes(text: str) -> str:
    return re.sub(r"\\(?:u00|x)([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)


def _to_text(content: bytes) -> str:
    text = content.decode("utf-8", errors="ignore")
    printable = sum(each.isprintable() or each in "\n\t" for each in text)
    return text if len(text) > 8 and printable > 0.9 * len(content) else ""  # noqa: PLR2004


_URL_SAFE = str.maketrans("-_", "+/")
_ENCODINGS = ((_BASE64, _decode_base64), (_HEX, _decode_hex))
_ESCAPED: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (_PERCENT, unquote),
    (_ENTITIES, unescape),
    (_ESCAPES, _decode_escapes),
)
