"""Settings, read from the environment. With nothing set: one process, SQLite, loopback."""

import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("COUNTERSIGN_VAR", BASE_DIR / "var"))
OWNER_ONLY = 0o700


def env_bool(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def env_object(name: str) -> dict[str, Any]:
    try:
        value = json.loads(os.environ.get(name) or "{}")
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value


def local_secret(name: str) -> str:
    """Return the secret kept in VAR_DIR, made at the first start. In production, set SECRET_KEY."""
    path = VAR_DIR / name
    if not path.exists():
        VAR_DIR.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        # Whole before it has its name: of two processes that start together one makes the secret,
        # and neither reads half of it.
        with tempfile.NamedTemporaryFile("w", dir=VAR_DIR, prefix=f".{name}.") as aside:
            aside.write(secrets.token_urlsafe(48))
            aside.flush()
            with suppress(FileExistsError):
                os.link(aside.name, path)
    return path.read_text()


DEBUG = env_bool("DEBUG", False)
SECRET_KEY = os.environ.get("SECRET_KEY") or local_secret("secret-key")
# Without it, where `manage.py serve` listens by default. Another port there is passed on.
SITE_URL = os.environ.get("SITE_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}").rstrip(
    "/"
)
IS_HTTPS = SITE_URL.startswith("https://")
# The proxies in front of the server, as addresses or networks: 10.0.0.0/8. They alone may say by
# X-Forwarded-For and X-Forwarded-Proto who asks, and how.
TRUSTED_PROXIES = env_list("TRUSTED_PROXIES")
if not SITE_URL.startswith(("http://", "https://")):
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}: write it with its scheme, as https://host, for links in mails."
    )
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "daphne",
    "workbench.accounts",
    "workbench.people",
    "workbench.audit",
    "workbench.dispatch",
    "workbench.live",
    "workbench.search",
    "workbench.secrets",
    "workbench.shell",
    "flows",
    "flows.resilience",
    "flows.spending",
    "flows.calibration",
    "flows.connections",
    "flows.assets",
    "flows.costs",
    "flows.drift",
    "flows.triggers",
    "flows.backtest",
    "flows.publishing",
    "reviews",
    "reviews.links",
    "reviews.notices",
    "reviews.team",
    # The last of ours: packages may build on all that the others register.
    "workbench.process",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_htmx",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "workbench.audit.refusals.RecordRefusals",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workbench.shell.middleware.PersonTimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "workbench.people.sessions.EndUnusedSessions",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "workbench.shell.middleware.RefuseUnfitText",
]

ROOT_URLCONF = "workbench.urls"
ASGI_APPLICATION = "workbench.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workbench.shell.context.frame",
            ],
        },
    }
]

# --- Data ---------------------------------------------------------------------

DATABASE_URL = os.environ.get("DATABASE_URL", f"sqlite:///{VAR_DIR / 'countersign.sqlite3'}")
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # The database, the mail with links to new passwords and the keys are for who runs it alone.
    os.umask(0o077)
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):
        VAR_DIR.chmod(OWNER_ONLY)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: what was acknowledged survives even a power cut, as it does on PostgreSQL.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Django's default, None, would prepare no statement at all, not even those of the hot path. The
    # ORM binds its parameters on the client, so that its own statements are never prepared.
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 5
DATABASES["default"]["CONN_MAX_AGE"] = 60

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = os.environ.get("REDIS_URL", "")
CHANNEL_LAYERS: dict[str, Any] = {
    "default": (
        {
            "BACKEND": "workbench.live.layer.ListenedLayer",
            "CONFIG": {"url": REDIS_URL},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}
# Where artifacts are: a folder of VAR_DIR, or "s3://bucket/prefix?endpoint=…&region=…".
ARTIFACT_STORE = os.environ.get("ARTIFACT_STORE", "")
# The keys that encrypt them, or a file with one a line: 32 random bytes in base64 each. The first
# writes, all of them read.
ARTIFACT_KEYS = env_list("ARTIFACT_KEYS")
ARTIFACT_KEYS_FILE = os.environ.get("ARTIFACT_KEYS_FILE", "")
STORAGES = {
    "default": {
        "BACKEND": "workbench.files.storage.open_store",
        "OPTIONS": {"folder": VAR_DIR / "artifacts"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = OWNER_ONLY
# What is counted against limits, by all processes together where there is a Redis.
CACHES: dict[str, Any] = {
    "default": (
        {"BACKEND": "workbench.process.cache.SharedCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

# --- Engine -------------------------------------------------------------------

# The largest input or step output in bytes. Above INLINE_PAYLOAD_BYTES it is kept as an artifact.
MAX_PAYLOAD_BYTES = int(os.environ.get("MAX_PAYLOAD_BYTES", str(4 * 1024 * 1024)))
INLINE_PAYLOAD_BYTES = int(os.environ.get("INLINE_PAYLOAD_BYTES", str(64 * 1024)))
# The largest file. What has more is not kept at all.
MAX_ARTIFACT_BYTES = int(os.environ.get("MAX_ARTIFACT_BYTES", str(50 * 1024 * 1024)))
# Files that people add to cases: of one comment, and of one case with all its comments.
MAX_COMMENT_FILES = int(os.environ.get("MAX_COMMENT_FILES", "5"))
MAX_COMMENT_BYTES = int(os.environ.get("MAX_COMMENT_BYTES", str(25 * 1024 * 1024)))
MAX_CASE_FILES = int(os.environ.get("MAX_CASE_FILES", "200"))
MAX_CASE_BYTES = int(os.environ.get("MAX_CASE_BYTES", str(500 * 1024 * 1024)))
# How much one person may upload in an hour, in comments and as artifacts, their tokens included.
UPLOAD_BYTES_AN_HOUR = int(os.environ.get("UPLOAD_BYTES_AN_HOUR", str(2 * 1024 * 1024 * 1024)))
# Of each worker process: steps under way at one time, and threads for those that block.
WORKER_RIDERS = int(os.environ.get("WORKER_RIDERS", "64"))
WORKER_STEP_THREADS = int(os.environ.get("WORKER_STEP_THREADS", "16"))
# Runs that lead to runs, by calls, events or another flow's end: how deep, and how many in all.
MAX_CHAIN_DEPTH = int(os.environ.get("MAX_CHAIN_DEPTH", "30"))
MAX_CHAIN_RUNS = int(os.environ.get("MAX_CHAIN_RUNS", "20000"))
# Previews, tries and tests of a draft that one person may ask for in a minute, together.
PREVIEWS_A_MINUTE = int(os.environ.get("PREVIEWS_A_MINUTE", "300"))
MODEL_TRIES_A_MINUTE = int(os.environ.get("MODEL_TRIES_A_MINUTE", "20"))
# In which currency prices, budgets and costs are, as people are shown it.
CURRENCY = os.environ.get("CURRENCY", "EUR")
# How long each payment is kept. The sums by day stay.
KEEP_CHARGES_DAYS = int(os.environ.get("KEEP_CHARGES_DAYS", "400"))
# How long the recorded answers of models are kept, by which backtests and tests ask nobody.
KEEP_ANSWERS_DAYS = int(os.environ.get("KEEP_ANSWERS_DAYS", "400"))
# How many runs of one flow may start in a minute.
MAX_STARTS_A_MINUTE = int(os.environ.get("MAX_STARTS_A_MINUTE", "100000"))
# The only hosts that `http.request` and remote models may reach: "host" or "host:port".
OUTGOING_ALLOWLIST = env_list("OUTGOING_ALLOWLIST")
# A Redis stream of CloudEvents that the clock reads. Needs REDIS_URL.
EVENT_STREAM = os.environ.get("EVENT_STREAM", "")
# Limits by step type, as JSON: {"http.request": {"concurrency": 20, "per_second": 10}}.
STEP_LIMITS = env_object("STEP_LIMITS")
# How many failures in a row (time-out, connection, 5xx) open the circuit breaker of a destination,
# and how long it then pauses before it lets one probe through: doubled each time the probe fails.
BREAKER_FAILURES = int(os.environ.get("BREAKER_FAILURES", "5"))
BREAKER_PAUSE_SECONDS = float(os.environ.get("BREAKER_PAUSE_SECONDS", "5"))
BREAKER_LONGEST_PAUSE_SECONDS = float(os.environ.get("BREAKER_LONGEST_PAUSE_SECONDS", "60"))
# Modules whose @step functions flows may call, and whose models `model.infer` finds.
STEP_MODULES = env_list(
    "STEP_MODULES",
    "examples.consumer_loan.steps,examples.support_triage.steps,examples.document_intake.steps,"
    "examples.refunds.steps,examples.letters.steps,"
    "examples.insurance_claim.steps,examples.content_moderation.steps",
)

# --- People -------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Else anybody could have the site write to any address.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "workbench.people.adapter.AccountAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Countersign"
# Five wrong passwords for one name from one address close that name there for five minutes. What
# counts by address alone is high: a whole office may share one.
ACCOUNT_RATE_LIMITS = {"login": "300/m/ip", "login_failed": "100/15m/ip,5/5m/key"}
# A session ends when nobody has used it for so long, and so long after it began at the latest.
SESSION_IDLE_SECONDS = float(os.environ.get("SESSION_IDLE_SECONDS", str(60 * 60)))
SESSION_LONGEST_SECONDS = float(os.environ.get("SESSION_LONGEST_SECONDS", str(24 * 60 * 60)))
SESSION_COOKIE_AGE = int(SESSION_LONGEST_SECONDS)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
# Only a proxy that is trusted can say that it was asked by https: without one, redirecting what
# came by http would never end.
SECURE_SSL_REDIRECT = IS_HTTPS and bool(TRUSTED_PROXIES)
SECURE_HSTS_SECONDS = (
    int(os.environ.get("HSTS_SECONDS", str(365 * 24 * 60 * 60))) if IS_HTTPS else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env_bool("HSTS_INCLUDE_SUBDOMAINS", True)
# W019: our own pages show documents in frames. W021: to be preloaded by browsers is a promise for
# the whole domain, which only its owner can make.
SILENCED_SYSTEM_CHECKS = ["security.W019", "security.W021"]

# --- Secrets ------------------------------------------------------------------

# The key that encrypts secrets: 32 random bytes in base64. With nothing set, one is made in
# VAR_DIR. Without it no secret can be read: back it up, and not beside the database.
SECRETS_KEY = os.environ.get("SECRETS_KEY", "")

# --- Audit ledger -------------------------------------------------------------

# The Ed25519 private key that signs the ledger's blocks. With nothing set, one is made in VAR_DIR.
LEDGER_KEY = os.environ.get("LEDGER_KEY", "")
# The public keys (hex) of earlier LEDGER_KEYs, whose blocks stay valid.
LEDGER_TRUSTED_KEYS = env_list("LEDGER_TRUSTED_KEYS")

# --- Pages --------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
X_FRAME_OPTIONS = "SAMEORIGIN"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

# --- Notices ------------------------------------------------------------------

DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "countersign@localhost")
if os.environ.get("EMAIL_HOST"):
    EMAIL_HOST = os.environ["EMAIL_HOST"]
    EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
    EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
    EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
    EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", False)
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
