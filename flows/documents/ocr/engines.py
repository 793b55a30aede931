"""The engines that are installed here, and what they recognise."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

from flows.documents.errors import Unreadable
from flows.documents.layout import Found
from flows.documents.rules import Rule
from workbench.apart.children import Children, NoAnswer

Name = Literal["tesseract", "rapidocr"]
PAGE_SECONDS = 90.0
# The codes that tesseract has for languages, by those of ISO 639-1. Others are given to it as such.
_CODES = {
    "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "nl": "nld", "pt": "por",
    "pl": "pol", "sv": "swe", "da": "dan", "nb": "nor", "fi": "fin", "cs": "ces", "hu": "hun",
    "ro": "ron", "el": "ell", "bg": "bul", "tr": "tur", "uk": "ukr", "sk": "slk", "hr": "hrv",
}  # fmt: skip
_INSTALL = (
    "Install tesseract (Debian: apt-get install tesseract-ocr), or rapidocr "
    "(pip install 'countersign[ocr]')."
)

# One at a time: an engine uses the cores by itself.
_children = Children("flows.documents.ocr.child", most=1, seconds=PAGE_SECONDS, seconds_to_wait=300)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that is installed here, with what its child is told."""

    name: Name
    version: str
    arguments: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What stands on a page. Places are in points of the upright page."""

    turned: int
    skew: float
    words: list[Found]
    rules: list[Rule]


def find_engine(name: Name | None, language: str = "") -> Engine:
    """Return the engine of that name, or the one to take where none is named.

    ``language`` has codes of languages joined by ``+``; rapidocr needs none. Raises: Unreadable,
    with what to install.
    """
    if name in {None, "tesseract"} and (program := shutil.which("tesseract")):
        return Engine(
            "tesseract", _read_version(program), (program, _find_languages(program, language))
        )
    if name in {None, "rapidocr"} and util.find_spec("rapidocr"):
        return Engine("rapidocr", metadata.version("rapidocr"))
    what = f"{name} is not installed" if name else "No engine to recognise text is installed"
    raise Unreadable("no_engine", f"{what} here.", _INSTALL)


def recognise(engine: Engine, path: Path, width: float, height: float) -> Recognised:
    """Return what the image of a page says; the page is so many points wide and high.

    Places come in points of the upright page. Raises: Unreadable, TooManyAsk.
    """
    try:
        answer = _children.ask([engine.name, engine.arguments, str(path.resolve())])
    except NoAnswer:
        raise Unreadable(
            "too_slow", "Recognising the page takes too long, or too much memory.",
            "Send it at a lower resolution.",
        ) from None  # fmt: skip
    if "error" in answer:
        raise Unreadable(*answer["error"])
    value = answer["value"]
    if value["turned"] % 180:
        width, height = height, width
    return _scale(value, width / value["width"], height / value["height"])


def _scale(value: Any, across: float, down: float) -> Recognised:
    words = [
        Found(text, left * across, top * down, right * across, bottom * down, sure)
        for text, left, top, right, bottom, sure in value["words"]
    ]
    rules = [
        Rule(True, at * across, start * down, end * down)
        if goes_down
        else Rule(False, at * down, start * across, end * across)
        for goes_down, at, start, end in value["rules"]
    ]
    return Recognised(value["turned"], value["skew"], words, rules)


@cache
def _read_version(program: str) -> str:
    said = _ask_program(program, "--version")
    found = re.search(r"tesseract v?(\S+)", said)
    return found[1] if found else "of an unknown version"


def _find_languages(program: str, language: str) -> str:
    """Return the languages as tesseract takes them. Raises: Unreadable, if it lacks one."""
    wanted = [_CODES.get(each, each) for each in language.split("+") if each] or ["eng"]
    installed = _list_languages(program)
    if missing := [each for each in wanted if each not in installed]:
        packages = " ".join(f"tesseract-ocr-{each.replace('_', '-')}" for each in missing)
        raise Unreadable(
            "no_engine", f"tesseract lacks the language {', '.join(missing)}.",
            f"Install it (Debian: apt-get install {packages}).",
        )  # fmt: skip
    return "+".join(wanted)


@cache
def _list_languages(program: str) -> frozenset[str]:
    return frozenset(_ask_program(program, "--list-langs").split())


def _ask_program(program: str, option: str) -> str:
    done = subprocess.run(  # noqa: S603 - the program that was found on the path
        [program, option], check=False, capture_output=True, text=True, timeout=20,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr
