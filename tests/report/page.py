# SPDX-License-Identifier: Apache-2.0
#
# page.py check PAGE          is it one self-contained page, that a reader of any kind can use?
# page.py commands PAGE NAME  print the commands of <pre id="check-NAME">
# page.py names PAGE          print the text of each <bdi>, one a line
#
# Python's standard library, nothing else. Exit: 0 it is, 4 it is not, and each reason is a line.

import html.parser
import re
import sys

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "path", "line"}
BANNED = {"script", "iframe", "object", "embed", "link", "img", "form", "base", "audio", "video",
          "image", "use", "foreignobject", "animate", "set"}
# What a page may be made of; all text of others must be text.
KNOWN = {"br", "html", "head", "meta", "title", "style", "body", "header", "main", "section", "h1", "h2",
         "h3", "p", "table", "caption", "thead", "tbody", "tr", "th", "td", "a", "code", "pre",
         "strong", "span", "b", "bdi", "time", "cite", "ul", "li", "figure", "figcaption", "svg",
         "desc", "path", "line", "text"}
# Characters that hide themselves or turn a line around, and controls.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd]")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.ids, self.links = [], [], set(), []
        self.level, self.lang, self.csp, self.h1 = 0, None, None, 0
        self.tables, self.pictures, self.pre, self.bdi = [], [], {}, []

    def bad(self, what):
        self.wrong.append(f"line {self.getpos()[0]}: {what}")

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag in BANNED or tag not in KNOWN:
            self.bad(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcset", "formaction"):
                self.bad(f"attribute {name}")
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.links.append(value)
        if "id" in a:
            if a["id"] in self.ids:
                self.bad(f"id {a['id']} twice")
            self.ids.add(a["id"])
        if tag == "html":
            self.lang = a.get("lang")
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy":
            self.csp = a.get("content")
        if re.fullmatch("h[1-6]", tag):
            level = int(tag[1])
            if level > self.level + 1:
                self.bad(f"<{tag}> below level {self.level}")
            self.level = level
            self.h1 += tag == "h1"
        if tag == "table":
            self.tables.append({"caption": "", "rows": 0})
        if tag == "tr" and self.tables:
            self.tables[-1]["rows"] += 1
        if tag == "th" and a.get("scope") not in ("col", "row"):
            self.bad("<th> without scope")
        if tag == "svg":
            self.pictures.append(a | {"title": "", "desc": ""})
            if a.get("role") != "img":
                self.bad("a picture that is none for a screen reader")
        if tag == "pre":
            self.pre[a.get("id")] = ""
        if tag == "bdi":
            self.bdi.append("")
        if tag not in VOID:
            self.open.append((tag, a.get("id")))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.bad(f"</{tag}> where <{self.open[-1][0] if self.open else 'nothing'}> is open")
        else:
            self.open.pop()

    def handle_data(self, data):
        tags = [t for t, _ in self.open]
        if HIDDEN.search(data) and "style" not in tags:
            self.bad(f"hidden characters: {data!r}")
        if "caption" in tags:
            self.tables[-1]["caption"] += data
        if "svg" in tags and tags[-1] in ("title", "desc"):
            self.pictures[-1][tags[-1]] += data
        if "bdi" in tags:
            self.bdi[-1] += data
        if "pre" in tags:
            self.pre[[i for t, i in self.open if t == "pre"][-1]] += data

    def finish(self):
        for ok, what in (
            (self.lang == "en-GB", "no language"),
            (self.csp and self.csp.startswith("default-src 'none'"), "no policy"),
            (self.h1 == 1, "not one <h1>"),
            (not self.open, f"left open: {self.open}"),
            (all(t["caption"].strip() for t in self.tables), "a table without caption"),
            (all(t["rows"] for t in self.tables), "a table without a row"),
            (all(p["title"] and p["desc"] for p in self.pictures), "a picture without words"),
            (self.tables, "no table"),
        ):
            if not ok:
                self.wrong.append(what)
        for to in self.links:
            if to.startswith("#") and to[1:] in self.ids:
                continue
            if to != "case.jsonld" and not re.fullmatch(r"receipts/[0-9]+-[0-9a-f]{32}\.receipt", to):
                self.wrong.append(f"a link to {to}")


def main():
    what, path = sys.argv[1:3]
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    page = Page()
    page.feed(text)
    page.close()
    if what == "commands":
        print(page.pre["check-" + sys.argv[3]])
        return 0
    if what == "names":
        print("\n".join(page.bdi))
        return 0
    page.finish()
    if "url(" in text or "@import" in text:
        page.wrong.append("the style fetches something")
    for w in page.wrong:
        print(w)
    if not page.wrong:
        print(f"good: {len(page.tables)} tables, {len(page.pictures)} pictures")
    return 4 if page.wrong else 0


sys.exit(main())
