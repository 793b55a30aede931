"""The program of the processes that recognise text (flows.documents.ocr.engines asks it).

A request is ``[engine, arguments, path]``; its answer is ``{value}`` or ``{error: [code, message,
remedy]}``. The value has the words and the ruled lines of the page in pixels, once it is turned
and straightened as it says.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from PIL import Image

from flows.documents.errors import Unreadable
from flows.documents.layout import Found
from flows.documents.ocr.ruling import erase_rules, find_rules
from flows.documents.ocr.tesseract import Tesseract
from flows.documents.ocr.upright import find_skew, straighten, turn
from workbench.apart.program import serve

Json = Any
# What rapidocr takes for the largest page that it reads at full size, about 1.9 GB of addresses.
MOST_BYTES = 3 * 1024 * 1024 * 1024
_THREADS = 2


class Engine(Protocol):
    def find_turn(self, image: Image.Image, folder: Path) -> int: ...

    def read(self, image: Image.Image, folder: Path) -> list[Found]: ...


def answer(request: Json) -> dict[str, Json]:
    """Return what was recognised, or why nothing was."""
    name, arguments, path = request
    try:
        with TemporaryDirectory(prefix="countersign-ocr-") as folder, Image.open(path) as image:
            return {"value": _recognise(_find(name, *arguments), image.convert("L"), Path(folder))}
    except Unreadable as error:
        return {"error": [error.code, error.message, error.remedy]}
    except MemoryError:
        return {"error": ["too_large", "The page takes too much memory.", "Send a smaller one."]}


def _recognise(engine: Engine, image: Image.Image, folder: Path) -> Json:
    turned = engine.find_turn(image, folder)
    upright = turn(image, turned)
    skew = find_skew(upright)
    level = straighten(upright, skew)
    rules = find_rules(level)
    return {
        "turned": turned,
        "skew": skew,
        "width": level.width,
        "height": level.height,
        "words": engine.read(erase_rules(level, rules), folder),
        "rules": rules,
    }


@cache
def _find(name: str, *arguments: str) -> Engine:
    if name == "tesseract":
        program, languages = arguments
        return Tesseract(program, languages)
    # Its libraries take a second to load, and are an extra.
    from flows.documents.ocr.rapid import Rapid

    return Rapid(_THREADS)


if __name__ == "__main__":
    serve(answer, most_bytes=MOST_BYTES)
