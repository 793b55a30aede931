import argparse
import os
import time
from random import Random


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.tampering")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--tamperings", type=int, default=1_000)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--decisions", type=int, default=1_000, help="Past applications.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Return 1 if a tampering that can be found was not."""
    # Imported here, since models need Django to be set up first.
    from bench.tampering.kinds import KINDS
    from bench.tampering.ledger import make_ledger
    from bench.tampering.trying import as_table, try_all
    from workbench.audit.services import verify

    random = Random(options.seed)
    begun = time.monotonic()
    ledger = make_ledger(options.entries, random, decisions=options.decisions)
    made = time.monotonic()
    whole = verify()
    verified = time.monotonic()
    print(
        f"{whole.entries:,} entries, {whole.blocks:,} blocks, made in {made - begun:.0f} s, ",
        end="",
    )
    print(
        f"verified in {verified - made:.1f} s: {'good' if whole.ok else whole.faults[:3]}",
        flush=True,
    )
    result = try_all(ledger, options.tamperings, options.together, random)
    print(f"{result.tried.total():,} tamperings, {result.verifications} verifications, ", end="")
    print(f"{time.monotonic() - verified:.0f} s; then again: {'good' if verify().ok else 'BAD'}\n")
    print(as_table(result))
    return int(any(result.missed(kind) for kind in KINDS if not kind.alone))


if __name__ == "__main__":
    raise SystemExit(main())
