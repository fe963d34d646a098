"""What people and agents write, as it is shown."""

from __future__ import annotations

import pytest

from bot.localhub.pages.markdown import References, Target, render_markdown

KNOWN = References(
    issue=lambda reference: Target(f"/o/r/issues/{reference.partition('#')[2]}", "Fix <it>"),
    user=lambda login: Target(f"/{login}") if login != "nobody" else None,
    commit=lambda sha: Target(f"/o/r/commit/{sha}"),
)


def html(text: str) -> str:
    return str(render_markdown(text, KNOWN)).strip()


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        '<details onclick="x">',
        "[x](javascript:alert(1))",
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        '[x](https://e.com/"onmouseover="alert(1))',
        "`<script>`",
        "```\n<script>\n```",
        "```mermaid\n<script>\n```",
        "#1<script>",
        '<a href="javascript:alert(1)">x</a>',
        "<svg/onload=alert(1)>",
        "<details open onclick=alert(1)>",
    ],
)
def test_no_markup_of_the_text_reaches_the_page(hostile: str) -> None:
    shown = html(hostile)
    for dangerous in ("<script", "<img", "<svg", '<a href="javascript', "<details o", '"onmouseover', "href='j"):
        assert dangerous not in shown


def test_html_stays_visible_as_text() -> None:
    assert html("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_comments_vanish() -> None:
    assert html("<!-- crewline:status -->\n\nHello<!-- a\nb --> there") == "<p>Hello there</p>"


def test_details_open_and_close() -> None:
    shown = html("<details><summary>More</summary>\n\n**text**\n\n</details>")
    assert shown.startswith("<details><summary>More</summary>")
    assert "<strong>text</strong>" in shown
    assert shown.endswith("</details>")


def test_tasks_are_boxes() -> None:
    shown = html("- [x] #12\n- [ ] more")
    assert shown.count('<li class="task"><input type="checkbox" disabled=""') == 2
    assert shown.count("checked") == 1


def test_references_are_links() -> None:
    assert '<a href="/o/r/issues/12" title="Fix &lt;it&gt;">#12</a>' in html("see #12")
    assert '<a href="/o/r/issues/3" title="Fix &lt;it&gt;">o/r#3</a>' in html("see o/r#3")
    assert '<a href="/alice">@alice</a>' in html("thanks @alice")
    assert f'<a href="/o/r/commit/{"ab" * 20}">abababa</a>' in html(f"in {'ab' * 20}")
    assert '<a href="https://e.com/a?b=c">https://e.com/a?b=c</a>.' in html("https://e.com/a?b=c.")


@pytest.mark.parametrize("text", ["a@b.com", "`#12`", "[#12](https://e.com)", "@nobody", "colour#1abc", "&#35;"])
def test_what_is_no_reference_stays_as_it_is(text: str) -> None:
    shown = html(text)
    assert "/o/r/issues" not in shown
    assert 'href="/' not in shown


def test_tables_and_strikethrough() -> None:
    assert "<td>1</td>" in html("| a |\n|---|\n| 1 |")
    assert "<s>no</s>" in html("~~no~~")


def test_diagrams_are_left_for_the_script() -> None:
    assert html("```mermaid\ngraph TD; A-->B\n```") == '<pre class="mermaid">graph TD; A--&gt;B\n</pre>'
