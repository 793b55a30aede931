"""Files as people send them: PDF and images, drawn here."""

import io
import random
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageChops, ImageDraw, ImageFont


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


PAYSLIP = (
    "Employer Example Limited",
    "Payslip for October 2026",
    "Employee: Jane Q. Public",
    "Basic salary            3,250.00",
    "Overtime 12.5 hours       312.40",
    "Income tax               -640.12",
    "Net pay of the month    2,345.67",
    "IBAN DE89 3704 0044 0532 0130 00",
)


def draw_page(
    lines: Iterable[str] = PAYSLIP, *, skew: float = 0, noise: float = 0, size: int = 34
) -> Image.Image:
    """Return an A4 page at 200 dpi as a scanner gives it: askew by these degrees, with grain."""
    page = Image.new("L", (1654, 2339), 255)
    drawing, font = ImageDraw.Draw(page), ImageFont.load_default(size=size)
    for at, line in enumerate(lines):
        drawing.text((150, 170 + at * size * 2.4), line, fill=0, font=font)
    page = page.rotate(-skew, Image.Resampling.BICUBIC, fillcolor=255)
    if noise:
        # Of one seed: a test reads the same page each time.
        grain = random.Random(7)
        grey = bytes(min(max(128 + round(grain.gauss(0, noise)), 0), 255) for _ in range(400 * 400))
        tile = Image.frombytes("L", (400, 400), grey)
        spread = Image.new("L", page.size)
        for x in range(0, page.width, 400):
            for y in range(0, page.height, 400):
                spread.paste(tile, (x, y))
        page = ImageChops.add(page, spread, offset=-128)
    return page


def count_errors(said: str, meant: str) -> int:
    """Return how many characters have to be changed, added or taken away."""
    row = list(range(len(meant) + 1))
    for at, one in enumerate(said, 1):
        before, row[0] = row[0], at
        for number, other in enumerate(meant, 1):
            kept = before if one == other else before + 1
            before, row[number] = row[number], min(kept, row[number] + 1, row[number - 1] + 1)
    return row[-1]
