from html.parser import HTMLParser

import pytest

from headstock.report.notes import note_html

TAGS = {"p", "br", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "hr", "a"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"href", "title", "rel", "target", "class", "start", "style"}


class Reader(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        assert tag in TAGS, tag
        self.tags.append(tag)
        given = dict(attrs)
        assert given.keys() <= ATTRIBUTES, attrs
        assert given.get("style") in (None, "text-align:left", "text-align:right", "text-align:center")
        if tag == "a":
            assert (given["rel"], given["target"]) == ("noopener noreferrer nofollow", "_blank")
            self.links.append(given["href"])

    def handle_data(self, data) -> None:
        self.text += data

    def handle_comment(self, data) -> None:
        raise AssertionError(data)

    handle_decl = unknown_decl = handle_pi = handle_comment


def test_what_is_commonly_written_is_shown():
    page = Reader(
        note_html(
            "# Result\nof *this* and\n~~that~~ **one**\n\n1. `lr`\n2. two\n\n> so\n\n"
            "| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx < 1\n```\n[paper](https://example.org/a?b=1&c=2 'title') <https://example.org>\n\n---"
        )
    )
    wanted = [
        "h4",
        "p",
        "em",
        "br",
        "s",
        "strong",
        "ol",
        "li",
        "p",
        "code",
        "li",
        "p",
        "blockquote",
        "table",
        "pre",
        "a",
        "hr",
    ]
    rest = iter(page.tags)
    assert all(tag in rest for tag in wanted if tag != "p"), page.tags
    assert page.links == ["https://example.org/a?b=1&c=2", "https://example.org"]
    assert "x < 1" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "<!-- --><![CDATA[x]]><?php ?>",
        "</div></section><style>* { display: none }</style>",
        "`</code><b>`",
        "```<b onclick=x>\n</code></pre><b>\n```",
        "| <b> |\n|---|\n| <i onload=x> |",
        "&lt;b&gt; &#60;b&#62;",
    ],
)
def test_html_is_shown_as_it_was_typed(text):
    assert set(Reader(note_html(text)).tags) <= TAGS


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt&#58;alert(1)",
        "&#x6A;avascript:alert(1)",
        "java%0Ascript:alert(1)",
        "vbscript:x",
        "file:///etc/passwd",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zy8+",
    ],
)
def test_a_link_runs_nothing(address):
    written = f"[a]({address}) [b](<{address}>) [c][d] <{address}>\n\n[d]: {address}"
    for link in Reader(note_html(written)).links:
        assert link.lower().partition(":")[0] not in {"javascript", "vbscript", "file", "data"}, link


def test_no_picture_is_loaded_and_no_attribute_is_broken_out_of():
    page = Reader(note_html('![x](https://example.org/x.png) [y](/z "\\" onmouseover=alert(1) x=\\"")'))
    assert page.links == ["https://example.org/x.png", "/z"]


@pytest.mark.parametrize("part", ["[", "*a_", "> ", "`", "![", "<a", "| a ", "- ", "\\[", "&#1;", "[a](", "~~"])
def test_what_is_nested_without_end_ends(part):
    Reader(note_html(part * (10_000 // len(part))))
