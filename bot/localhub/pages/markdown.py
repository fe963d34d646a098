"""GitHub-flavoured Markdown as HTML that is safe to show.

What people and agents write is hostile until shown otherwise. So nothing of the text reaches the page as markup:
HTML in it stays visible text, but for comments, which vanish (bots keep their tags in them), and for the few
tags of `PLAIN_TAGS`, which are taken only without attributes. Links of other schemes than http, https and mailto stay
text, and pictures are shown as links, for a page here loads nothing from elsewhere.

A ` ```mermaid ` block becomes `<pre class="mermaid">`, which the page's script draws.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

PLAIN_TAGS = frozenset({"br", "dd", "del", "details", "dl", "dt", "hr", "ins", "kbd", "sub", "summary", "sup"})
_MARKUP = re.compile(r"<!--.*?-->|<(?P<close>/?)(?P<tag>[a-zA-Z]+)(?P<open> open)?\s*/?>", re.DOTALL)
_REFERENCE = re.compile(
    r"(?P<url>https?://[^\s<>\"'`]*[^\s<>\"'`.,:;!?)\]*_~])"
    r"|(?<![\w/&])(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+)?#(?P<number>[1-9]\d*)\b"
    r"|(?<![\w/`@])@(?P<login>[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?(?:\[bot\])?)"
    r"|\b(?P<sha>[0-9a-f]{40})\b"
)
_TASK = re.compile(r"\[([ xX])\]\s+")


@dataclass(frozen=True)
class Target:
    """Where a reference leads, and what is said when one points at it."""

    url: str
    title: str = ""


def nothing(_: str) -> Target | None:
    """Knows no reference."""
    return None


@dataclass(frozen=True)
class References:
    """How `owner/repo#12` or `#12`, `@login` and a commit's full sha are looked up. None: it stays text."""

    issue: Callable[[str], Target | None] = nothing
    user: Callable[[str], Target | None] = nothing
    commit: Callable[[str], Target | None] = nothing


def render_markdown(text: str | None, references: References = References()) -> Markup:
    """The text as HTML."""
    options = {"html": True, "breaks": True}
    reader = MarkdownIt("commonmark", options, renderer_cls=SafeRenderer).enable(["table", "strikethrough"])
    reader.core.ruler.push("tasks", mark_tasks)
    reader.core.ruler.push("references", linking(references))
    return Markup(reader.render(text or ""))


def mark_tasks(state: StateCore) -> None:
    """`- [x] done` is a ticked box."""
    for place, token in enumerate(state.tokens):
        if token.type != "inline" or not token.children or place < 2:
            continue
        item, first = state.tokens[place - 2], token.children[0]
        if item.type != "list_item_open" or first.type != "text":
            continue
        found = _TASK.match(first.content)
        if found is not None:
            item.attrJoin("class", "task")
            first.content = first.content[found.end() :]
            box = Token("html_box", "input", 0, attrs={"type": "checkbox", "disabled": ""})
            if found[1] != " ":
                box.attrSet("checked", "")
            token.children.insert(0, box)


def linking(references: References) -> Callable[[StateCore], None]:
    """A rule that turns references in text, outside links and code, into links."""

    def link(state: StateCore) -> None:
        for token in state.tokens:
            if token.type == "inline" and token.children:
                depth = 0
                children: list[Token] = []
                for child in token.children:
                    depth += (child.type == "link_open") - (child.type == "link_close")
                    if child.type == "text" and depth == 0:
                        children += linked(child.content, references)
                    else:
                        children.append(child)
                token.children = children

    return link


def linked(text: str, references: References) -> list[Token]:
    """The text as tokens, with its references as links."""
    tokens: list[Token] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        target = looked_up(found, references)
        if target is None:
            continue
        tokens.append(plain(text[end : found.start()]))
        opening = Token("link_open", "a", 1, attrs={"href": target.url})
        if target.title:
            opening.attrSet("title", target.title)
        shown = found[0][:7] if found["sha"] else found[0]
        tokens += [opening, plain(shown), Token("link_close", "a", -1)]
        end = found.end()
    return [*tokens, plain(text[end:])]


def looked_up(found: re.Match[str], references: References) -> Target | None:
    if found["url"]:
        return Target(found["url"])
    if found["number"]:
        return references.issue(found[0])
    if found["login"]:
        return references.user(found["login"])
    return references.commit(found["sha"])


def plain(text: str) -> Token:
    return Token("text", "", 0, content=text)


class SafeRenderer(RendererHTML):
    """Renders HTML, fences and pictures as the module says; everything else as markdown-it does, escaped."""

    def html_block(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, object]
    ) -> str:
        """Comments vanish, plain tags stay, the rest is text."""
        return shown_html(tokens[index].content)

    def html_inline(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, object]
    ) -> str:
        """As `html_block`."""
        return shown_html(tokens[index].content)

    def fence(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, object]) -> str:
        """Code; a picture of Mermaid's; a coloured diff."""
        token = tokens[index]
        language = token.info.strip().split(" ")[0].lower()
        if language == "mermaid":
            return f'<pre class="mermaid">{escape(token.content)}</pre>\n'
        if language in ("diff", "patch"):
            lines = [f"<span{shade(line)}>{escape(line)}</span>" for line in token.content.splitlines(keepends=True)]
            return f'<pre class="code"><code>{"".join(lines)}</code></pre>\n'
        return f'<pre class="code"><code>{escape(token.content)}</code></pre>\n'

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, object]) -> str:
        """A link to the picture."""
        token = tokens[index]
        return f'<a href="{escape(str(token.attrGet("src") or ""))}">🖼 {escape(token.content or "picture")}</a>'


def shown_html(content: str) -> str:
    shown: list[str] = []
    end = 0
    for found in _MARKUP.finditer(content):
        tag = (found["tag"] or "").lower()
        if tag and tag not in PLAIN_TAGS:
            continue
        shown.append(escape(content[end : found.start()]))
        if tag:
            shown.append(f"<{found['close']}{tag}{' open' if tag == 'details' and found['open'] else ''}>")
        end = found.end()
    return "".join([*shown, escape(content[end:])])


def shade(line: str) -> str:
    kind = {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1])
    return f' class="{kind}"' if kind else ""
