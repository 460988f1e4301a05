"""Markdown to HTML: headings with addresses, formulas as MathML, code in colour, no markup let through."""

from __future__ import annotations

import html
import re
import warnings
from typing import Any
from xml.etree.ElementTree import tostring

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.display import slug

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, import_plugin

# presentation elements of MathML Core and the attributes that say how they look: nothing that links or acts
_MATHML = (
    "math menclose merror mfrac mi mn mo mover mpadded mphantom mroot mrow ms mspace msqrt mstyle "
    "msub msubsup msup mtable mtd mtext mtr munder munderover mmultiscripts mprescripts none"
)
_MATHML_ATTRIBUTES = (
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form frame "
    "height largeop linebreak linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize "
    "minsize movablelimits notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric "
    "voffset width xmlns"
)
_PLUGINS = ("strikethrough", "table", "def_list", "url")


class _Renderer(IPythonRenderer):
    def __init__(self, writer: Writer) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
        self.writer = writer

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", "", text))
        return self.writer.heading(text, plain, level)

    def block_math(self, body: str) -> str:
        return formula(body, block=True, language=self.writer.language)

    def inline_math(self, body: str) -> str:
        return formula(body, block=False, language=self.writer.language)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True, language=self.writer.language)

    def block_code(self, code: str, info: str | None = None) -> str:
        shown = highlight(code) if info in ("python", "py") else html.escape(code, quote=False)
        return f'<pre class="source"><code>{shown}</code></pre>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        raise ReportError(
            "A text shows a picture from a file or an address.",
            where=url,
            expected="figures drawn by the notebook's code",
            fix="show it with a function of evaluation.report.figures",
        )


class Writer:
    """Turns the markdown of one page into HTML and keeps its headings.

    Attributes
    ----------
    contents : list of (address, text)
        Of the second-level headings, in order.
    home : str
        The folder of all pages, relative to this page.
    """

    def __init__(self, language: str, home: str = "../") -> None:
        self.language, self.home = language, home
        self.contents: list[tuple[str, str]] = []
        self._addresses: set[str] = set()
        self._first = True
        plugins = [import_plugin(name) for name in _PLUGINS]
        self._markdown = MarkdownWithMath(renderer=_Renderer(self), plugins=plugins)

    def write(self, text: str) -> str:
        """HTML of a piece of markdown; markup written in it is shown as text."""
        markup = self._markdown.render(text)
        self._first = False
        # the page's policy forbids style attributes
        markup = re.sub(r' style="text-align:\s*(left|right|center);?"', r' class="\1"', markup)
        label = html.escape(words.text("table", self.language))
        markup = markup.replace(
            "<table>", f'<div class="scroll" role="group" aria-label="{label}" tabindex="0"><table>'
        )
        return markup.replace("</table>", "</table></div>")

    def heading(self, markup: str, plain: str, level: int) -> str:
        """A heading. The page's own title stands above: a first one at the very top is left out."""
        if level == 1:
            if self._first and not self.contents:
                return ""
            level = 2
        address = self.address(plain)
        if level == 2:
            self.contents.append((address, plain))
        return f'<h{level} id="{html.escape(address)}">{markup}</h{level}>\n'

    def address(self, name: str) -> str:
        """An address within the page that nothing else has."""
        base = address = slug(name)
        count = 1
        while address in self._addresses:
            count += 1
            address = f"{base}-{count}"
        self._addresses.add(address)
        return address


def formula(source: str, *, block: bool, language: str) -> str:
    """LaTeX as MathML.

    Raises
    ------
    ReportError
        When it cannot be converted whole.
    """
    from latex2mathml.converter import convert_to_element

    braces = re.findall(r"(?<!\\)[{}]", source)
    if braces.count("{") != braces.count("}"):
        raise ReportError("A formula has a brace too many or too few.", where=source.strip())
    try:
        tree = convert_to_element(source.strip(), display="block" if block else "inline")
    except Exception as error:
        raise ReportError(
            "A formula cannot be read.", where=source.strip(), expected=str(error) or type(error).__name__
        ) from error
    for element in tree.iter():
        # the converter writes symbols as references and means them as characters; from here on text is text
        element.text = html.unescape(element.text or "") or None
        element.attrib.pop("style", None)  # the page's policy forbids it
        left = re.search(r"\\[A-Za-z]+", element.text or "")
        foreign = {element.tag} - set(_MATHML.split()) | element.attrib.keys() - set(
            _MATHML_ATTRIBUTES.split()
        )
        if left or foreign:
            raise ReportError(
                "A formula uses a command that cannot be converted.",
                where=source.strip(),
                expected=f"no {left.group(0)}" if left else f"no command that gives {min(foreign)!r}",
                fix="write it with plainer LaTeX",
            )
    markup = tostring(tree, encoding="unicode")
    if not block:
        return markup
    label = html.escape(words.text("formula", language))
    return f'<div class="formula" role="group" aria-label="{label}" tabindex="0">{markup}</div>\n'


def highlight(code: str) -> str:
    """Python source as HTML with the classes of Pygments."""
    from pygments import highlight as paint
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return paint(code.strip("\n"), PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
