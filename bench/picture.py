"""A flame graph: what calls what, each function as wide as its share of the time."""

import html

import stacks as of

WIDTH, ROW, MARGIN, TOP = 1200, 17, 10, 66
SIZE, LETTER = 11, 6.65  # of the text in boxes, which is in letters of one width
LEAST = 0.002  # of all samples; narrower boxes are left out
COLOURS = {"engine": "#f6a35c", "runtime": "#f7d26a", "store": "#e9b8a2", "sqlite": "#e58f7b", "wire": "#9ecb86",
           "net": "#c6aee0", "api": "#aab6f2", "sdk": "#86c5e8", "base": "#d9cfb8", "config": "#d9cfb8", "cli": "#d5dde3",
           "bench": "#d5dde3", "libuv": "#a9d8cf", "libc": "#bccad4", "kernel": "#93a5b3"}
NAMES = {"sqlite": "SQLite", "libc": "C library"}


class Box:
    """A function with its callers; it knows how many samples it was in."""

    def __init__(self):
        self.count = 0
        self.inner = {}

    def add(self, stack):
        self.count += 1
        box = self
        for frame in stack:
            box = box.inner.setdefault(frame, Box())
            box.count += 1


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{html.escape(words)}</text>'


def clipped(words, width):
    """As much of a name as fits; what all of ours begin with tells nothing."""
    words, letters = words.removeprefix("pawl__"), int((width - 6) / LETTER)
    return words if len(words) <= letters else words[:letters - 1] + "…" if letters > 3 else ""


def placed(box, x, depth, scale, least):
    """(frame, count, x, depth) of each box that is wide enough, the widest of a row first."""
    for frame, inner in sorted(box.inner.items(), key=lambda item: (-item[1].count, item[0])):
        if inner.count >= least:
            yield frame, inner.count, x, depth
            yield from placed(inner, x, depth + 1, scale, least)
        x += inner.count * scale


def legend(shares):
    out, x = [], MARGIN
    for room in of.ROOMS:
        if shares.get(room, 0) < 0.005:
            continue
        words = f"{NAMES.get(room, room)} {shares[room]:.0%}"
        out += [f'<rect x="{x}" y="{TOP - 22}" width="11" height="11" fill="{COLOURS[room]}"/>', text(x + 15, TOP - 12.5, words)]
        x += 28 + int(6.3 * len(words))
    return out


def draw(stacks, shares, title, below):
    """The picture; shares are those of the rooms by themselves, for the legend."""
    root = Box()
    for stack in stacks:
        root.add(stack)
    scale = (WIDTH - 2 * MARGIN) / root.count
    boxes = list(placed(root, MARGIN, 1, scale, LEAST * root.count))
    bottom = TOP + ROW * (1 + max((depth for _, _, _, depth in boxes), default=0))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + MARGIN}" width="{WIDTH}" height="{bottom + MARGIN}">',
           '<rect width="100%" height="100%" fill="white"/>', '<g font-family="sans-serif" font-size="12" fill="#333">',
           text(MARGIN, 20, title, ' font-size="14"'), text(MARGIN, 36, below, ' fill="#777"'), *legend(shares), "</g>",
           f'<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="{SIZE}" fill="#222">']
    everything = (of.Frame("all", "cli"), root.count, MARGIN, 0)
    for frame, count, x, depth in [everything, *boxes]:
        width, y = count * scale, bottom - ROW * (depth + 1)
        about = frame.name if depth == 0 else f"{frame.name} ({NAMES.get(frame.room, frame.room)})"
        words = clipped(frame.name, width)
        out.append(f'<g><title>{html.escape(about)}: {count / root.count:.1%}</title>'
                   f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}" rx="1" fill="{COLOURS[frame.room]}"/>'
                   + (text(x + 3, y + 12, words) if words else "") + "</g>")
    return "\n".join([*out, "</g>", "</svg>"])
