"""Ask rapidocr, whose models are in its package. Only a child process does so."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rapidocr import RapidOCR

from flows.documents.layout import Found
from flows.documents.ocr.upright import turn

# Of the lines on a page, so many of the longest say how it is turned.
_ASKED_LINES = 12
_LEAST_SURE, _LEAST_SCORE = 0.8, 0.3


class Rapid:
    def __init__(self, threads: int) -> None:
        logging.disable(logging.WARNING)
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.text_score": _LEAST_SCORE,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def find_turn(self, image: Image.Image, _folder: Path) -> int:
        """Return by how many degrees the page has to be turned clockwise."""
        half = image.reduce(2)
        boxes = self._find_lines(half)
        if not boxes:
            return 0
        tall = sum(bottom - top > right - left for left, top, right, bottom in boxes)
        turned = 90 if tall > len(boxes) / 2 else 0
        longest = sorted(boxes, key=lambda box: max(box[2] - box[0], box[3] - box[1]))
        seen = Counter[str]()
        for left, top, right, bottom in longest[-_ASKED_LINES:]:
            line = turn(image.crop((left * 2, top * 2, right * 2, bottom * 2)), turned)
            answer = self._engine(_to_pixels(line), use_det=False, use_cls=True, use_rec=False)
            label, sure = answer.cls_res[0]
            if sure >= _LEAST_SURE:
                seen[label] += 1
        return (turned + 180) % 360 if seen["180"] > seen["0"] else turned

    def read(self, image: Image.Image, _folder: Path) -> list[Found]:
        """Return the words, with their places in pixels."""
        answer = self._engine(
            _to_pixels(image), use_det=True, use_cls=False, use_rec=True, return_word_box=True
        )
        if answer.boxes is None:
            return []
        words = (word for line in answer.word_results for word in line)
        return [_make_word(*word) for word in words if word[0].strip() and word[2] is not None]

    def _find_lines(self, image: Image.Image) -> list[tuple[int, int, int, int]]:
        found = self._engine(_to_pixels(image), use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return []
        corners = [(box.min(axis=0), box.max(axis=0)) for box in found.boxes]
        return [(*map(int, low), *map(int, high)) for low, high in corners]  # type: ignore[misc]


def _to_pixels(image: Image.Image) -> Any:
    """Return the image as OpenCV has it: blue, green, red."""
    return np.asarray(image.convert("RGB"))[:, :, ::-1]


def _make_word(text: str, sure: float, corners: Any) -> Found:
    across, down = [each[0] for each in corners], [each[1] for each in corners]
    return Found(
        text, float(min(across)), float(min(down)), float(max(across)), float(max(down)),
        min(max(float(sure), 0.0), 1.0),
    )  # fmt: skip
