"""Files as people send them: PDF and images, drawn here."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from fpdf import FPDF
from PIL import Image


def make_pdf(*pages: str | Iterable[str], size: int = 12) -> bytes:
    """Return a PDF whose pages have these lines."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=size)
    for lines in pages:
        pdf.add_page()
        for line in [lines] if isinstance(lines, str) else lines:
            pdf.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def make_pdf_of_images(images: Iterable[Image.Image]) -> bytes:
    """Return a PDF whose pages are images, as a scanner makes them."""
    pdf = FPDF()
    pdf.set_margin(0)
    for image in images:
        pdf.add_page()
        pdf.image(image, x=0, y=0, w=pdf.w, h=pdf.h)
    return bytes(pdf.output())


def encrypt_pdf(lines: Sequence[str], password: str) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    pdf.set_encryption(owner_password="owner", user_password=password)
    pdf.add_page()
    for line in lines:
        pdf.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def make_zip(names: Iterable[str], content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def as_bytes(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
