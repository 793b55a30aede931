from flows.assets.kinds import all_kinds
from flows.assets.pages import make_pages

urlpatterns = [page for kind in all_kinds() for page in make_pages(kind)]
