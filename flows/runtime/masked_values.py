"""Keep the originals of tokens, encrypted, with the run whose texts have the tokens."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Max

from flows.guards.masking import CODE_LENGTH, CODE_LETTERS, Original, label_of
from flows.models import MaskedValue
from flows.steps.originals import register_original_keeper
from workbench.dispatch import agreed_time
from workbench.dispatch.patience import retry_while_away
from workbench.secrets.vault import (
    compute_fingerprint,
    decrypt,
    encrypt,
    register_encrypted,
)

# How often two guards of one run may meet before that is an error.
_TRIES = 20
# Original values that are looked up in one statement.
_BATCH = 500


class RunOriginals:
    """The keeper of originals: one row for each in a run, whichever step met it first."""

    def keep(self, run_id: int, step: str, originals: Sequence[Original]) -> Mapping[Original, str]:
        """Return the token of each original. Asked again, as by a repeated step, it says the same.

        Raises: SecretsKeyMissing.
        """
        prints = {each: _fingerprint_of(run_id, each) for each in originals}
        for _ in range(_TRIES):
            try:
                return retry_while_away(_keep, run_id, step, prints)
            except IntegrityError:
                # Another step of the run took the number, or kept the same value.
                continue
        raise RuntimeError(f"Run {run_id} keeps too many originals at once.")


def read_original(row: MaskedValue) -> str:
    """Return the JSON text of what the row's token stands for. Raises: SecretUnreadable."""
    return decrypt(bytes(row.ciphertext), _belonging(row.run_id, row.code))


def _fingerprint_of(run_id: int, original: Original) -> str:
    return compute_fingerprint(f"{original.kind}\0{original.json}", f"run-{run_id}".encode())


def _belonging(run_id: int, code: str) -> bytes:
    """Return what a ciphertext is bound to: no row can be put in the place of another."""
    return f"countersign-masked-value\0{run_id}\0{code}".encode()


@transaction.atomic
def _keep(run_id: int, step: str, prints: Mapping[Original, str]) -> Mapping[Original, str]:
    known = _find_known(run_id, list(prints.values()))
    new = [each for each in prints if prints[each] not in known]
    if new:
        numbers = _count_numbers(run_id)
        rows = [_make_row(run_id, step, each, prints[each], numbers) for each in new]
        MaskedValue.objects.bulk_create(rows, batch_size=_BATCH)
        known |= {row.fingerprint: row.token for row in rows}
    return {each: known[fingerprint] for each, fingerprint in prints.items()}


def _find_known(run_id: int, fingerprints: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for at in range(0, len(fingerprints), _BATCH):
        rows = MaskedValue.objects.filter(
            run_id=run_id, fingerprint__in=fingerprints[at : at + _BATCH]
        ).defer("ciphertext")
        found |= {row.fingerprint: row.token for row in rows}
    return found


def _count_numbers(run_id: int) -> Counter[str]:
    rows = MaskedValue.objects.filter(run_id=run_id).values_list("label")
    return Counter(dict(rows.annotate(last=Max("number")).order_by()))


def _make_row(
    run_id: int, step: str, original: Original, fingerprint: str, numbers: Counter[str]
) -> MaskedValue:
    label = label_of(original.kind)
    numbers[label] += 1
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return MaskedValue(
        run_id=run_id, step=step, kind=original.kind, label=label, number=numbers[label],
        code=code, fingerprint=fingerprint,
        ciphertext=encrypt(original.json, _belonging(run_id, code)), made_at=agreed_time.now(),
    )  # fmt: skip


register_original_keeper(RunOriginals())
register_encrypted(MaskedValue.objects.exists)
