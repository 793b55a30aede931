from django.template import Context, Template


def rendered(source: str, **values: str) -> str:
    return Template("{% load shell %}" + source).render(Context(values))


def test_a_listing_heads_its_columns_and_keeps_its_rows() -> None:
    html = rendered(
        '{% listing "Who|#Cases|-End it" label="Absences" %}<tr><td>{{ who }}</td></tr>'
        "{% endlisting %}",
        who="<b>Ada</b>",
    )
    assert 'aria-label="Absences"' in html
    assert '<th scope="col">Who</th><th scope="col" class="num">Cases</th>' in html
    assert '<th scope="col"><span class="sr-only">End it</span></th>' in html
    assert "<td>&lt;b&gt;Ada&lt;/b&gt;</td>" in html


def test_a_listing_may_be_named_by_its_heading() -> None:
    html = rendered('{% listing "Who" labelled_by="title" %}{% endlisting %}')
    assert 'aria-labelledby="title"' in html
    assert "aria-label=" not in html
