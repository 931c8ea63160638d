"""Reads what a daemon's metrics port says, strictly: both formats, by their grammar."""

import re
import urllib.request

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SUFFIXES = ("_bucket", "_sum", "_count")


def fetch(port, path="/metrics", accept="text/plain"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode(), answer.headers["content-type"]


def labels_of(text):
    labels, at = {}, 0
    for match in LABEL.finditer(text or ""):
        assert match.start() == at, text
        assert match[1] not in labels, text
        labels[match[1]] = match[2].replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        at = match.end()
    assert at == len(text or ""), text
    return labels


class Scrape:
    """|types| and |helps| by family, and |samples|: a list of (name, labels, value)."""

    def __init__(self, text, openmetrics=False):
        self.text, self.types, self.helps, self.samples = text, {}, {}, []
        family, seen = None, set()
        lines = text.split("\n")
        assert lines.pop() == "", "it ends with a line break"
        if openmetrics:
            assert lines.pop() == "# EOF"
        for line in lines:
            word = line.split(" ", 3)
            if word[0] == "#":
                assert word[1] in ("HELP", "TYPE") or (openmetrics and word[1] == "UNIT"), line
                if word[1] == "HELP":
                    family = word[2]
                    assert family not in self.helps, f"{family} comes twice"
                    self.helps[family] = word[3]
                assert word[2] == family, line
                if word[1] == "TYPE":
                    self.types[family] = word[3]
                if word[1] == "UNIT":
                    assert family.endswith("_" + word[3]), line
                continue
            name, labels, value = SAMPLE.match(line).groups()
            labels = labels_of(labels)
            kind = self.types[family]
            ends = SUFFIXES if kind == "histogram" else ("_total",) if openmetrics and kind == "counter" else ("",)
            assert name in [family + end for end in ends], line
            key = (name, tuple(sorted(labels.items())))
            assert key not in seen, f"{line} comes twice"
            seen.add(key)
            self.samples.append((name, labels, float(value)))
        self.check_histograms()

    def check_histograms(self):
        runs = {}
        for name, labels, value in self.samples:
            if not name.endswith("_bucket"):
                continue
            rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            runs.setdefault((name[:-7], rest), []).append((float(labels["le"]), value))
        for (name, rest), buckets in runs.items():
            assert buckets == sorted(buckets), (name, rest)
            assert [v for _, v in buckets] == sorted(v for _, v in buckets), (name, rest)
            assert buckets[-1][0] == float("inf"), (name, rest)
            assert self.value(name + "_count", dict(rest)) == buckets[-1][1], (name, rest)

    def family(self, name):
        """The family of a sample."""
        for end in ("", *SUFFIXES):
            if name.endswith(end) and name[:len(name) - len(end)] in self.types:
                return name[:len(name) - len(end)]
        raise KeyError(name)

    def all(self, name, **wanted):
        return [(labels, value) for n, labels, value in self.samples
                if n == name and all(labels.get(k) == v for k, v in wanted.items())]

    def value(self, name, wanted=None, **more):
        """The sum of the samples |name| that have these labels; None: there are none."""
        found = self.all(name, **{**(wanted or {}), **more})
        return sum(value for _, value in found) if found else None


def read(port):
    return Scrape(fetch(port)[0])
