"""PDF files: with so many pages, and with what a sender might do on purpose."""

import zlib

from fpdf import FPDF
from fpdf.enums import AccessPermission


def make_pdf(pages: int = 1, *, password: str = "") -> bytes:
    """Return a PDF file whose pages say their numbers."""
    pdf = FPDF(unit="pt", format=(595, 842))
    pdf.set_font("Helvetica", size=40)
    if password:
        pdf.set_encryption("owner", password, permissions=AccessPermission.none())
    for number in range(1, pages + 1):
        pdf.add_page()
        pdf.cell(text=f"Page {number}")
    return bytes(pdf.output())


def make_raw_pdf(content: bytes, box: str = "0 0 2000 2000", more: bytes = b"") -> bytes:
    """Return a PDF file of one page with a content of one's own, compressed."""
    packed = zlib.compress(content)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R "
        "/Resources << /XObject << /I 5 0 R >> >> >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(packed), packed),
        more or b"<< >>",
    ]
    made = bytearray(b"%PDF-1.7\n")
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    made += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(made)


def make_endless_pdf() -> bytes:
    """Return a small PDF file that takes hours to draw: a page filled three million times."""
    return make_raw_pdf(b"0 0 2000 2000 re f\n" * 3_000_000)


def make_huge_image_pdf() -> bytes:
    """Return a small PDF file with an image of 3.6 billion pixels."""
    packed = zlib.compress(b"\0" * 1_000_000)
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB "
        b"/BitsPerComponent 8 /Filter /FlateDecode /Length %d >> stream\n%s\nendstream"
    ) % (len(packed), packed)
    return make_raw_pdf(b"q 2000 0 0 2000 0 0 cm /I Do Q", more=image)
