"""Where the store is, as the setting ARTIFACT_STORE says."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from workbench.files.errors import StoreUnfit

EXAMPLE = "s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1"
REMEDY = f"Write it as {EXAMPLE}, or leave it empty to keep files in COUNTERSIGN_VAR."


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, of Amazon's where no ``endpoint`` is given."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""

    @property
    def label(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{'/'.join(filter(None, (self.bucket, self.prefix)))}{at}"


def read_place(given: str) -> S3Place | None:
    """Return the place, None for the folder of artifacts. Raises: StoreUnfit."""
    if not given:
        return None
    try:
        address = urlsplit(given)
        options = dict(parse_qsl(address.query, strict_parsing=bool(address.query)))
    except ValueError as error:
        raise StoreUnfit(f"ARTIFACT_STORE cannot be read: {error}.", REMEDY) from error
    if address.scheme != "s3" or not address.netloc:
        raise StoreUnfit("ARTIFACT_STORE names no bucket.", REMEDY)
    if "@" in address.netloc:
        raise StoreUnfit(
            "ARTIFACT_STORE has credentials in it.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let the machine's role give them.",
        )
    if unknown := sorted(options.keys() - {"endpoint", "region"}):
        raise StoreUnfit(f"ARTIFACT_STORE has an unknown option: {unknown[0]}.", REMEDY)
    endpoint = options.get("endpoint", "")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise StoreUnfit("The endpoint of ARTIFACT_STORE has no scheme.", REMEDY)
    prefix = address.path.strip("/")
    return S3Place(address.netloc, prefix, endpoint, options.get("region", ""))
