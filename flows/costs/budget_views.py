"""The pages of budgets: the list with what is spent of each, and the form of one."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.costs import services
from flows.costs.budgets import BudgetKey, describe_budgets, find_budget, list_states
from flows.costs.editables import BUDGET
from flows.costs.forms import BudgetForm
from flows.spending.limits import describe_payer
from flows.spending.models import Budget
from flows.views.requests import actor_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can
from workbench.shell.editing import AlreadyThere, Edit, warn_of_conflict

LIST = "flows:budget-list"


@requires("connections.view", scope="installation")
@require_GET
def budget_list(request: HttpRequest) -> HttpResponse:
    context = {
        "states": list_states(timezone.now()),
        "may_manage": can(request.user, "connections.manage"),
    }
    return render(request, "costs/budgets.html", context)


@requires("connections.manage", scope="installation")
@never_cache
@require_http_methods(["GET", "POST"])
def budget_new(request: HttpRequest) -> HttpResponse:
    return _form_page(request, None)


@requires("connections.manage", scope="installation")
@never_cache
@require_http_methods(["GET", "POST"])
def budget_edit(request: HttpRequest, payer: str, name: str, period: str) -> HttpResponse:
    return _form_page(request, _find(payer, name, period))


@requires("connections.manage", scope="installation")
@require_POST
def budget_remove(request: HttpRequest, payer: str, name: str, period: str) -> HttpResponse:
    row = _find(payer, name, period)
    actor, edit = actor_of(request), Edit(request, BUDGET, row)
    key, whose = BudgetKey.of(row), describe_payer(row)
    edit.save(lambda: services.remove_budget(key=key, actor=actor, now=timezone.now()))
    if edit.conflict is not None:
        warn_of_conflict(edit, f"The budget for {whose} is not removed.")
        return redirect("flows:budget-edit", *key.parts)
    messages.success(request, f"The budget for {whose} is removed.")
    return redirect(LIST)


def _find(payer: str, name: str, period: str) -> Budget:
    row = find_budget(BudgetKey.read(payer, name, period))
    if row is None:
        raise Http404("There is no such budget.")
    return row


def _form_page(request: HttpRequest, row: Budget | None) -> HttpResponse:
    initial = BudgetForm.initial_of(row) if row else None
    form = BudgetForm(request.POST or None, initial=initial, row=row)
    edit = Edit(request, BUDGET, row)
    if edit.sent and form.is_valid() and (saved := _save(edit, form)) is not None:
        messages.success(request, f"The budget for {describe_payer(saved)} is saved.")
        return redirect(LIST)
    edit.compare(form, BudgetForm.initial_of)
    context = {
        "form": form,
        "edit": edit,
        "budget": row,
        "state": describe_budgets([row], timezone.now())[0] if row else None,
    }
    return render(request, "costs/budget_form.html", context, status=edit.status)


def _save(edit: Edit[Budget], form: BudgetForm) -> Budget | None:
    """Save the budget; return None, with the problems on the page, if it does not hold."""
    key = BudgetKey.of(edit.row) if edit.row else form.key
    settings = form.read_settings()
    if settings is None:
        return None

    def write() -> Budget:
        return services.set_budget(
            key=key, settings=settings, actor=actor_of(edit.request), now=timezone.now()
        )

    try:
        return edit.save(write, key.payer, key.name, key.period)
    except AlreadyThere:
        form.add_problem("target", "There is one for this period: change that one.")
    except services.BudgetInvalid as error:
        form.add_problem(error.field, error.problem)
    return None
