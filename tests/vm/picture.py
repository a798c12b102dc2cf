#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
picture.py - draws a terminal (SVG) from what the demo showed

    picture.py TRANSCRIPT [FIRST LAST] >PICTURE

TRANSCRIPT is build/demo.txt, as tests/vm/demo.sh writes it. FIRST and LAST choose its steps (headings) by number,
from 1. No line is altered; advice ("note: ...") is left out, to keep the picture small.
"""
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 8.4, 18, 16  # of a character, of a line, around the text
STYLE = """
  svg { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  rect { fill: #1b1f24; } text { fill: #d0d7de; white-space: pre; }
  .command { fill: #ffffff; font-weight: bold; } .heading { fill: #6cb6ff; } .refused { fill: #f69d50; }
"""


def steps(lines):
    """The lines of each step, without advice."""
    found, note = [[]], False
    for line in lines:
        if line.startswith("== "):
            found.append([])
        note = line.startswith("note: ") or note and line.startswith("      ")
        if not note:
            found[-1].append(line)
    return found[1:]


def kind(line):
    if line.startswith("# "):
        return "command"
    if line.startswith("== "):
        return "heading"
    if line.startswith(("kvmtune: ", "[")):
        return "refused"
    return ""


def draw(lines):
    while lines and not lines[-1]:
        lines.pop()
    width = round(2 * MARGIN + WIDTH * max(len(line) for line in lines))
    height = 2 * MARGIN + HEIGHT * len(lines)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
          ' role="img" aria-label="kvmtune in a terminal">')
    print("<!-- SPDX-License-Identifier: GPL-2.0-or-later; made by tests/vm/picture.py from the output of make demo -->")
    print(f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" rx="8"/>')
    for number, line in enumerate(lines):
        if line:
            named = f' class="{kind(line)}"' if kind(line) else ""
            print(f'<text{named} x="{MARGIN}" y="{MARGIN + HEIGHT * number + 13}" xml:space="preserve">'
                  f"{escape(line)}</text>")
    print("</svg>")


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        found = steps(file.read().splitlines())
    first, last = (int(word) for word in sys.argv[2:]) if len(sys.argv) == 4 else (1, len(found))
    if not 1 <= first <= last <= len(found):
        sys.exit(f"picture: there are steps 1 to {len(found)}")
    draw([line for step in found[first - 1:last] for line in step])


main()
