from flows.assets.pages import make_pages
from flows.assets.prompts.kind import PROMPT
from flows.assets.tables.kind import TABLE

urlpatterns = [*make_pages(PROMPT), *make_pages(TABLE)]
