"""Made-up personal data, secrets and numbers that only look like them. Nobody's, and all valid."""

import base64
import random
import string
from collections.abc import Callable

from stdnum import luhn
from stdnum.iso7064 import mod_11_10

Random = random.Random
_FIRST = [
    "anna",
    "bert",
    "carla",
    "dmitri",
    "elif",
    "farid",
    "grete",
    "hana",
    "ivan",
    "jana",
    "kofi",
    "lena",
    "milan",
    "noor",
    "olga",
    "pia",
]
_LAST = [
    "berg",
    "cohen",
    "diaz",
    "evans",
    "fischer",
    "garcia",
    "haas",
    "ito",
    "jansen",
    "klein",
    "lopez",
    "moreau",
    "novak",
    "okafor",
]
_HOSTS = [
    "example.org",
    "example.com",
    "mail.example.net",
    "firma-example.de",
    "exemple.fr",
    "x.example.co.uk",
]


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def _text(rng: Random, count: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choice(signs) for _ in range(count))


def email(rng: Random) -> str:
    sep, tail = (
        rng.choice(["", ".", "_", "-"]),
        rng.choice(["", "", str(rng.randint(1, 99)), "+shop"]),
    )
    made = f"{rng.choice(_FIRST)}{sep}{rng.choice(_LAST)}{tail}@{rng.choice(_HOSTS)}"
    return made.upper() if rng.random() < 0.1 else made


_PHONES = (
    "+49 151 2345 ####", "+49 30 9018####", "0151 2345####", "030 / 9018####", "(030) 9018-####",
    "+33 6 12 34 ## ##", "06 12 34 ## ##", "01.42.68.##.##", "+44 20 7946 ####", "020 7946 ####",
    "+1 212-736-####", "(212) 736-####", "0049 89 2180####", "+41 44 668 ## ##", "+31 6 1234####",
)  # fmt: skip


def phone(rng: Random) -> str:
    return "".join(
        rng.choice(string.digits) if sign == "#" else sign for sign in rng.choice(_PHONES)
    )


def iban(rng: Random) -> str:
    country, length = rng.choice([("DE", 18), ("DE", 18), ("AT", 16), ("CH", 17), ("FR", 23)])
    if country == "FR":
        bank = _digits(rng, 21)
        key = 97 - (89 * int(bank[:5]) + 15 * int(bank[5:10]) + 3 * int(bank[10:])) % 97
        account = f"{bank}{key:02d}"
    else:
        account = _digits(rng, length)
    numeric = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    made = f"{country}{98 - int(numeric) % 97:02d}{account}"
    form = rng.random()
    if form < 0.6:
        return " ".join(made[at : at + 4] for at in range(0, len(made), 4))
    return made if form < 0.9 else made.lower()


def card(rng: Random) -> str:
    prefix, length = rng.choice([("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16)])
    body = prefix + _digits(rng, length - len(prefix) - 1)
    made = body + luhn.calc_check_digit(body)
    form = rng.random()
    if form < 0.6:
        sep = rng.choice([" ", "-"])
        return sep.join(made[at : at + 4] for at in range(0, len(made), 4))
    return made


def steuer_id(rng: Random) -> str:
    while True:
        digits = list(rng.sample(string.digits, 9))
        digits.insert(rng.randint(0, 9), rng.choice(digits))
        body = "".join(digits)
        if body[0] != "0" and not any(body[at] * 3 == body[at : at + 3] for at in range(8)):
            return body + mod_11_10.calc_check_digit(body)


def nir(rng: Random) -> str:
    body = (
        f"{rng.choice('12')}{rng.randint(40, 99)}{rng.randint(1, 12):02d}{rng.randint(11, 89)}"
        f"{rng.randint(1, 899):03d}{rng.randint(1, 999):03d}"
    )
    made = f"{body}{97 - int(body) % 97:02d}"
    if rng.random() < 0.5:
        return (
            f"{made[0]} {made[1:3]} {made[3:5]} {made[5:7]} {made[7:10]} {made[10:13]} {made[13:]}"
        )
    return made


def nhs(rng: Random) -> str:
    while True:
        body = "9" + _digits(rng, 8)
        check = 11 - sum(int(sign) * (10 - at) for at, sign in enumerate(body)) % 11
        if check != 10:
            made = f"{body}{check % 11}"
            return f"{made[:3]} {made[3:6]} {made[6:]}"


def dni(rng: Random) -> str:
    number = _digits(rng, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def birth_date(rng: Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1935, 2008)
    name = ["January", "March", "April", "May", "June", "July", "August", "October"][month % 8]
    forms = (f"{day:02d}.{month:02d}.{year}", f"{day}/{month}/{year}", f"{year}-{month:02d}-{day:02d}",
             f"{day} {name} {year}")  # fmt: skip
    return rng.choice(forms)


def ip(rng: Random) -> str:
    if rng.random() < 0.8:
        return f"{rng.randint(1, 126)}." + ".".join(str(rng.randint(1, 254)) for _ in range(3))
    return "2001:db8:" + ":".join(f"{rng.randint(1, 65535):x}" for _ in range(3)) + "::1"


def secret(rng: Random) -> str:
    upper, word = string.ascii_uppercase + string.digits, string.ascii_letters + string.digits
    claims = (
        base64.urlsafe_b64encode(f'{{"sub":"{_digits(rng, 9)}"}}'.encode()).decode().rstrip("=")
    )
    return rng.choice(
        [
            "AKIA" + _text(rng, 16, upper),
            "ghp_" + _text(rng, 36),
            "glpat-" + _text(rng, 20),
            "xoxb-" + _digits(rng, 11) + "-" + _text(rng, 24),
            "sk_live_" + _text(rng, 24),
            "sk-proj-" + _text(rng, 40, word + "-_"),
            "AIza" + _text(rng, 35),
            f"eyJhbGciOiJIUzI1NiJ9.{claims}.{_text(rng, 43)}",
            f"postgresql://app:{_text(rng, 12)}@db{rng.randint(1, 9)}.internal:5432/app",
            "-----BEGIN PRIVATE KEY-----\n" + _text(rng, 64) + "\n-----END PRIVATE KEY-----",
            f"password: {_text(rng, 7)}!{rng.randint(10, 99)}",
            f"api_key={_text(rng, 28)}",
        ]
    )


# --- What only looks like it -------------------------------------------------------------


def order_number(rng: Random) -> str:
    return rng.choice(
        [f"4711-{_digits(rng, 4)}-{_digits(rng, 4)}", _digits(rng, 10), f"20{_digits(rng, 8)}",
         f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, 7)}", f"0{_digits(rng, 9)}",
         f"{_digits(rng, 4)} {_digits(rng, 4)} {_digits(rng, 4)}"]
    )  # fmt: skip


def version(rng: Random) -> str:
    return f"{rng.randint(1, 20)}.{rng.randint(0, 30)}.{rng.randint(0, 250)}.{rng.randint(0, 250)}"


def wrong_iban(rng: Random) -> str:
    made = iban(rng)
    last = made[-1]
    wrong = rng.choice([each for each in string.digits if each != last])
    return made[:-1] + wrong


def wrong_card(rng: Random) -> str:
    made = card(rng)
    return made[:-1] + rng.choice([each for each in string.digits if each != made[-1]])


def plain_date(rng: Random) -> str:
    return birth_date(rng).replace("19", "20", 1) if rng.random() < 0.5 else birth_date(rng)


def handle(rng: Random) -> str:
    return rng.choice(
        [f"@{rng.choice(_FIRST)}", "user@localhost", "3 @ 5 EUR", "a@b", "@media screen"]
    )


def digest(rng: Random) -> str:
    return _text(rng, rng.choice([40, 64]), "0123456789abcdef")


MAKERS: dict[str, Callable[[Random], str]] = {
    "email": email, "phone": phone, "iban": iban, "card": card, "birth_date": birth_date, "ip": ip,
    "steuer_id": steuer_id, "nir": nir, "nhs": nhs, "dni": dni, "secret": secret,
    "order_number": order_number, "version": version, "wrong_iban": wrong_iban,
    "wrong_card": wrong_card, "plain_date": plain_date, "handle": handle, "digest": digest,
}  # fmt: skip
