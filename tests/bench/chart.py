"""Bars, as a plain SVG: a group for each kind of work, a bar for each contestant."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 760, 190, 110, 18, 30, 34
COLOURS = {True: "#1565c0", False: "#b0bec5"}


def bars(title, groups, ours):
    """`groups` are (title, [(name, value)]); names that begin with `ours` stand out. Each group has a scale of its own."""
    parts, y = [], HEAD + 10
    for name, rows in groups:
        parts.append(f'<text x="{LEFT}" y="{y + 14}" font-weight="bold">{escape(name)}</text>')
        y += 24
        most = max(value for _, value in rows)
        for label, value in rows:
            width = (WIDTH - LEFT - RIGHT) * value / most
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
                         f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 3}" fill="{COLOURS[label.startswith(ours)]}"/>'
                         f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{value / 1e6:.2f} M/s</text>')
            y += BAR
        y += GAP - BAR
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" viewBox="0 0 {WIDTH} {y + 10}" font-family="sans-serif" '
            f'font-size="12" fill="#37474f">\n<rect width="{WIDTH}" height="{y + 10}" fill="#fff"/>\n'
            f'<text x="{LEFT}" y="{HEAD - 10}" font-size="15">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n")
