"""docs/extending.md works as it is written: each recipe's code is read from the page and tried."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone

from flows.graph.codec import parse
from flows.graph.validation import validate
from flows.steps import registry
from flows.steps.catalogue import catalogue
from reviews.models import Case
from reviews.selectors import eligibility
from reviews.selectors.eligibility import Act, Candidate, find_refusal
from tests.factories.cases import make_case
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from tests.recipes import DOCS, read_files
from tests.unit.steps.contexts import context
from workbench.accounts.models import Role
from workbench.http.errors import add_error_handlers
from workbench.http.gateway import GuardedApi
from workbench.http.sign_in import PageSession

BLOCKS = read_files("extending.md")


def run_block(file: str, **given: Any) -> ModuleType:
    """Return the module that the recipe's code makes, with some names given to it."""
    module = ModuleType("recipe")
    vars(module).update(given)
    exec(compile(BLOCKS[file], file, "exec"), vars(module))
    return module


def test_each_recipe_has_ten_lines_and_names_files_that_are_there() -> None:
    recipes = (DOCS / "extending.md").read_text().split("\n## ")[1:]
    assert [recipe.split("\n")[0] for recipe in recipes] == [
        "A package of your own", "A step type", "A page with its live partial", "An API route",
        "A queue rule",
    ]  # fmt: skip
    for recipe in recipes:
        assert re.findall(r"^(\d+)\. ", recipe, re.M) == [str(line) for line in range(1, 11)]


# --- A step type ------------------------------------------------------------------------


@pytest.fixture
def shorten(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(registry, "_TYPES", dict(registry._TYPES))
    run_block("flows/steps/shorten.py")
    return registry.get_step_type("shorten")


def test_the_step_type_is_registered_validated_and_run(shorten: Any) -> None:
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": "notes",
            "title": "Notes",
            "steps": {
                "cut": {"type": "shorten", "with": {"text": "A long note", "most": 6}},
                "done": {"type": "end"},
            },
            "edges": ["cut.done -> done"],
        }
    )
    assert [each for each in validate(document, catalogue()) if each.severity == "error"] == []
    config = shorten.Config.model_validate({"text": "A long note", "most": 6})
    assert shorten.run(context(), config).output == {"text": "A long"}


# --- A page -----------------------------------------------------------------------------


@pytest.fixture
def page_of_recipe(tmp_path: Path, settings: Any) -> Iterator[None]:
    views = run_block("flows/views/pulse.py")
    for file in ("templates/flows/pulse.html", "templates/flows/_pulse.html"):
        target = tmp_path / Path(file).relative_to("templates")
        target.parent.mkdir(exist_ok=True)
        target.write_text(BLOCKS[file])
    urls = ModuleType("recipe_urls")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("pulse/", views.pulse),
        path("pulse/figure/", views.pulse_figure),
        path("", include("workbench.urls")),
    ]
    sys.modules["recipe_urls"] = urls
    engine = {**settings.TEMPLATES[0]}
    engine["DIRS"] = [*engine["DIRS"], tmp_path]
    with override_settings(ROOT_URLCONF="recipe_urls", TEMPLATES=[engine]):
        yield
    del sys.modules["recipe_urls"]


@pytest.mark.django_db
@pytest.mark.usefixtures("page_of_recipe")
def test_the_page_shows_its_partial_to_those_who_may_see_it() -> None:
    operator = signed_in(make_person("olga", Role.OPERATOR))
    page, partial = operator.get("/pulse/"), operator.get("/pulse/figure/")
    assert b"0 under way" in page.content
    assert b'data-live="runs"' in page.content
    assert partial.content.strip() == b'<p class="num">0 under way</p>'
    assert signed_in(make_person("rita", Role.REVIEWER)).get("/pulse/").status_code == 403
    assert Client().get("/pulse/").status_code == 302


# --- An API route -----------------------------------------------------------------------


@pytest.mark.django_db
def test_the_route_answers_those_who_may_ask() -> None:
    api = GuardedApi(urls_namespace="recipe", auth=[PageSession()])
    add_error_handlers(api)
    api.add_router("", run_block("flows/api/pulse.py").router)
    urls = ModuleType("recipe_api_urls")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("recipe/", api.urls),
        path("", include("workbench.urls")),
    ]
    sys.modules["recipe_api_urls"] = urls
    with override_settings(ROOT_URLCONF="recipe_api_urls"):
        operator = signed_in(make_person("olga", Role.OPERATOR))
        assert operator.get("/recipe/pulse").json() == {"running": 0}
        reviewer = signed_in(make_person("rita", Role.REVIEWER))
        assert reviewer.get("/recipe/pulse").status_code == 403
    del sys.modules["recipe_api_urls"]


# --- A queue rule -----------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("level", "allowed"), [(1, False), (2, True)])
def test_the_rule_refuses_and_filters_alike(
    level: int, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_office()
    make_person("nora", Role.REVIEWER, level=level)
    case = make_case(timezone.now(), priority="urgent")
    rule = run_block("reviews/selectors/eligibility.py", **vars(eligibility)).URGENT
    monkeypatch.setattr(eligibility, "RULES", (*eligibility.RULES, rule))
    candidate = Candidate(person("nora"), Act.TAKE, timezone.now())
    refusal = find_refusal(case, candidate)
    assert (refusal is None) == allowed
    conditions = eligibility.list_conditions(case.queue, candidate)
    assert Case.objects.filter(*conditions).exists() == allowed
