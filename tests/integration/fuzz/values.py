"""Values that programs get wrong: as JSON text, as typed text, and as bytes of a request."""

import json
from random import Random

from tests.web.doors.unfit import UNFIT

LONG = "x" * 20_000
_TEXTS = {
    "empty": "",
    "a space": " ",
    "a very long text": LONG,
    "500 characters": "y" * 500,
    "right to left": "\u202edetsurT \u05d0\u05d1",
    "nothing to see": "\u200b\u200d\u2060\ufeff",
    "a no-break space": "a\u00a0b",
    "a decomposed letter": "e\u0301\ufb01\u0130\u00df",
    "outside of the first plane": "\U0001f600" * 3,
    "a line break": "a\r\nb\tc\u2028d",
    "an escape": "\x1b[31m\x07\x7f\x85",
    "a number": "-1",
    "a large number": "9007199254740993",
    "larger than any column": "9" * 30,
    "digits of another script": "\u0661\u0662\u00b2",
    "scientific": "1e400",
    "nan": "nan",
    "infinity": "-Infinity",
    "a comma": "1.500,00",
    "a date": "2026-03-10",
    "the first day": "0001-01-01T00:00:00+14:00",
    "the last day": "9999-12-31T23:59:59-14:00",
    "no day": "2026-02-30T25:61:00Z",
    "a time without a zone": "2026-03-29T02:30:00",
    "a leap second": "2016-12-31T23:59:60Z",
    "true": "true",
    "json": '{"a": [1, null]}',
    "an expression": "${ input.a.b.c }",
    "half an expression": "${ 1 +",
    "a pattern": "(a+)+$[",
    "yaml": "a: &x [*x, 0o17, .nan]\nb: !!python/object:os.system x",
    "markup": "<script>alert(1)</script>'\"&amp;",
    "a percent": "100%_\\",
    "a path": "../../etc/passwd",
    "an address": "http://[::1",
    "a mail address": "a@b@c,d@e.example",
    "a digest": "0" * 64,
    "a cursor": "bm90aGluZw==",
    "a zone": "Mars/Olympus",
    "a colon": "09:60",
}
_JSON = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus zero": "-0.0",
    "minus one": "-1",
    "half": "0.5",
    "over 32 bits": "2147483648",
    "the largest whole number": "9007199254740991",
    "a whole number of 5,000 digits": "1" + "0" * 5_000,
    "the least number": "5e-324",
    "the greatest number": "1.7976931348623157e308",
    "Infinity": "-Infinity",
    "an empty list": "[]",
    "an empty mapping": "{}",
    "a list of everything": '[null, true, 1, "a", [], {}]',
    "a long list": json.dumps(list(range(2_000))),
    "many keys": json.dumps({f"k{number}": number for number in range(2_000)}),
    "90 levels": "[" * 90 + "]" * 90,
    "a mark of storage": '{"$artifact": "' + "0" * 64 + '"}',
    "a mark of storage that is none": '{"$artifact": null}',
    "an artifact that is not there": '{"artifact": "' + "0" * 64 + '"}',
    "a reference": '{"$ref": "http://127.0.0.1:1/x"}',
    "a schema": '{"type": "nonsense", "pattern": "(["}',
    "dunder": '{"__proto__": {"a": 1}, "": 1, "a.b/c~d": 2}',
}
VALUES = {**UNFIT, **_JSON, **{name: json.dumps(text) for name, text in _TEXTS.items()}}
# What is typed in a field or stands in an address, a NUL too.
TEXTS = {**_TEXTS, "a NUL": "a\0b", "5,000 levels": "[" * 5_000, "a long number": "1" * 5_000}
# Bodies that are no JSON, or no body of its type.
BODIES = {
    "nothing": b"",
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "a byte-order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "cut short": b'{"a": [1, ',
    "two documents": b"{} {}",
    "a NUL": b"\0",
    "only NaN": b"NaN",
    "300,000 levels": b"[" * 300_000,
    "form": b"a=1&a=%ff&%00=2&b=%ud800",
}
CONTENT_TYPES = (
    "application/json",
    "application/json; charset=nonsense",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=\xe9",
    "application/cloudevents+json",
    "text/plain",
    "x",
    "",
)
# In latin-1, as a server hands them on.
HEADERS = {
    "empty": "",
    "a word": "x",
    "a very long text": LONG[:8_000],
    "not ASCII": "\xe9\xff\x80",
    "UTF-8": "\u00e9\U0001f600".encode().decode("latin-1"),
    "a control character": "a\x0bb",
    "a star": "*",
    "quotes": '"a", W/"b", "',
    "a large number": "9" * 400,
    "a percent-encoded NUL": "a%00b",
    "half a percent": "%ff%zz%",
    "a time": "Thu, 99 Foo 9999 99:99:99 GMT",
    "a negative": "-1",
}


def choose(random: Random, named: dict[str, str]) -> tuple[str, str]:
    """Return one of the values with its name."""
    name = random.choice(list(named))
    return name, named[name]
