from flows.assets.lists.kind import LIST
from flows.assets.pages import make_pages
from flows.assets.prompts.kind import PROMPT

urlpatterns = [*make_pages(PROMPT), *make_pages(LIST)]
