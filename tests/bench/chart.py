"""Bars as a plain SVG: a group for each kind of work, a bar for each contestant, and on it a line for the interval of its median."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 760, 210, 110, 18, 30, 50
COLOURS = {True: "#1565c0", False: "#b0bec5"}


def row(y, label, low, value, high, scale, text, ours):
    middle = y + (BAR - 3) / 2
    return (f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR - 3}" fill="{COLOURS[ours]}"/>'
            f'<line x1="{LEFT + low * scale:.1f}" x2="{LEFT + high * scale:.1f}" y1="{middle}" y2="{middle}" stroke="#263238"/>'
            f'<text x="{LEFT + max(value, high) * scale + 6:.1f}" y="{y + 13}">{escape(text)}</text>')


def bars(title, note, groups, ours):
    """`groups` are (title, "longer" or "shorter" which is better, form, [(name, low, median, high)]). `form` makes a text of a value. Names that
    begin with `ours` stand out. Each group has a scale of its own."""
    parts, y = [], HEAD + 10
    for name, better, form, rows in groups:
        parts.append(f'<text x="{LEFT}" y="{y + 14}"><tspan font-weight="bold">{escape(name)}</tspan> ({better} bars are better)</text>')
        y += 24
        scale = (WIDTH - LEFT - RIGHT) / max(high for _, _, _, high in rows)
        for label, low, value, high in rows:
            parts.append(row(y, label, low, value, high, scale, form(value), label.startswith(ours)))
            y += BAR
        y += GAP - BAR
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" viewBox="0 0 {WIDTH} {y + 10}" font-family="sans-serif" '
            f'font-size="12" fill="#37474f">\n<rect width="{WIDTH}" height="{y + 10}" fill="#fff"/>\n'
            f'<text x="{LEFT}" y="{HEAD - 28}" font-size="15">{escape(title)}</text>\n'
            f'<text x="{LEFT}" y="{HEAD - 10}">{escape(note)}</text>\n' + "\n".join(parts) + "\n</svg>\n")
