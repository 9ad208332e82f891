"""Writes script_ranges.h: the Unicode script of each code point, as scripts.c needs it.

    python3 common/text/script_ranges.py /usr/share/unicode/Scripts.txt > common/text/script_ranges.h

Scripts.txt is part of the Unicode Character Database (in Debian: the package unicode-data). Code points of the scripts Common and
Inherited fit every script, so they are left out. Ranges of one script that only unassigned code points part become one range.
"""
import sys

# UAX 31, table 5: the scripts that are recommended for names. Those that scripts.c names come first.
RECOMMENDED = """Latin Han Hiragana Katakana Hangul Bopomofo Cyrillic Greek Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati
Gurmukhi Hebrew Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan""".split()


def read(lines):
    """The version's line, and (first, last, script) in order."""
    ranges = []
    for line in lines[1:]:
        points, _, script = line.split("#")[0].partition(";")
        if script:
            first, _, last = points.strip().partition("..")
            ranges.append((int(first, 16), int(last or first, 16), script.strip()))
    return lines[0].strip("# \n"), sorted(ranges)


def merge(ranges):
    merged = []
    for first, last, script in ranges:
        if merged and merged[-1][2] == script:
            merged[-1] = (merged[-1][0], last, script)
        else:
            merged.append((first, last, script))
    return [one for one in merged if one[2] not in ("Common", "Inherited")]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        version, ranges = read(file.readlines())
    ranges = merge(ranges)
    scripts = RECOMMENDED + sorted({script for _, _, script in ranges} - set(RECOMMENDED))
    print(f"/* Made by script_ranges.py from Unicode's {version}; do not edit. */")
    print("enum {\n    SCRIPT_ANY, /* Common, Inherited, or unassigned */")
    for script in RECOMMENDED:
        print(f"    SCRIPT_{script.upper()},")
    print("    SCRIPT_RARE, /* the first that UAX 31 does not recommend for names */\n};\n")
    print("static const struct {\n    uint32_t first, last;\n    uint8_t script;\n} s_ranges[] = {")
    for first, last, script in ranges:
        number = scripts.index(script)
        name = f"SCRIPT_{script.upper()}" if script in RECOMMENDED else f"SCRIPT_RARE + {number - len(RECOMMENDED)}"
        print(f"    {{0x{first:04X}, 0x{last:04X}, {name}}}," + ("" if script in RECOMMENDED else f" /* {script} */"))
    print("};")


main()
