#!/usr/bin/env python3
"""Checks the documentation: links lead somewhere, files that are named are there, the map has all of src, the reference
is up to date, C compiles, and programs do what stands below them.

    tests/docs.py [BUILD_DIR]
"""

import re
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
LIBRARIES = "libuv libnghttp2 libprotobuf-c sqlite3 jansson liblz4 zlib"
faults = 0


def fault(place, text):
    global faults
    faults += 1
    print(f"{place}: {text}")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def anchors(path):
    text = path.read_text()
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for title in re.findall(r"^#+ (.+)$", without_code(text), re.M):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(slug)
    return found


def check_links(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            fault(path.relative_to(ROOT), f"{link} leads nowhere")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            fault(path.relative_to(ROOT), f"there is no {link}")


def check_fragment(path, body, source):
    """Some functions, or some lines of one."""
    if not re.match(r"(static |#include|//)", body):
        body = ("static enum pawl_err fragment(struct pawl *pawl, struct pawl_workflow *wf) {\n"
                f"enum pawl_err order(struct pawl_workflow *wf);\n{body}return PAWL_OK;\n}}\n")
    source.write_text((ROOT / "tests" / "docs_fragments.h").read_text() + body)
    made = subprocess.run(["cc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-Wno-unused-parameter",
                           f"-I{ROOT}/include", source], capture_output=True, text=True)
    if made.returncode:
        fault(path.relative_to(ROOT), f"this does not compile:\n{body}\n{made.stderr}")


COMPILERS = {"c": ["cc"], "cpp": ["c++", "-std=c++17"]}  # by the word behind ```


def check_programs(path, folder):
    """A ```c or ```cpp block with a main is a program; a plain block that follows it (maybe after shell) is its output."""
    text = path.read_text()
    blocks = [(m[1], m[2], m.start()) for m in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]
    for i, (kind, body, _) in enumerate(blocks):
        if kind == "c" and path.name != "reference.md" and "int main(" not in body:
            check_fragment(path, body, folder / "fragment.c")
        if kind not in COMPILERS or "int main(" not in body:
            continue
        for old in folder.iterdir():  # such as a program's file
            old.unlink()
        source = folder / f"program.{kind}"
        source.write_text(body)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", *LIBRARIES.split()], capture_output=True, text=True,
                               check=True).stdout.split()
        made = subprocess.run([*COMPILERS[kind], "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", source, BUILD / "libpawl.a",
                               *flags, "-pthread", "-o", folder / "program"], capture_output=True, text=True)
        if made.returncode:
            fault(path.relative_to(ROOT), f"its program does not compile:\n{made.stderr}")
            continue
        run = subprocess.run([folder / "program"], capture_output=True, text=True, cwd=folder, timeout=60,
                             stdin=subprocess.DEVNULL)
        expected = next((b for k, b, _ in blocks[i + 1:i + 3] if k == ""), None)
        if run.returncode or (expected is not None and run.stdout != expected):
            fault(path.relative_to(ROOT), f"its program says\n{run.stdout}{run.stderr}instead of\n{expected}")


def check_names(path):
    """Files that a page for those who change Pawl names, by the end of their paths."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True).stdout.split("\n")
    for name in re.findall(r"`([\w./-]+\.(?:c|h|proto|py|cmake|tsx?|mjs))`", without_code(path.read_text())):
        if listed[0] and not any(f"/{file}".endswith(f"/{name}") for file in listed):
            fault(path.relative_to(ROOT), f"there is no {name}")


def check_map(path):
    """Each file of src is in the row of its room in the table of every file, once, and nothing else is."""
    where, table = path.relative_to(ROOT), path.read_text().partition("\n## Every file\n")[2].partition("\n## ")[0]
    rows = {room: re.findall(r"`([\w/*]+)`", words) for room, words in re.findall(r"^\| `([\w/]+)` \| (.*) \|$", table, re.M)}
    files = {room: set() for room in rows}
    for file in (ROOT / "src").glob("*/**/*.[ch]"):
        name = file.relative_to(ROOT / "src").with_suffix("").as_posix()
        room = max((room for room in rows if name.startswith(f"{room}/")), key=len, default=None)
        if not room:
            fault(where, f"no row of every file is for src/{name}")
            continue
        files[room].add(name.removeprefix(f"{room}/"))
    for room, names in rows.items():
        for file in sorted(files[room]):
            if not any(fnmatch(file, name) for name in names):
                fault(where, f"the row of {room} has not {file}")
        for name in names:
            if names.count(name) > 1 or not any(fnmatch(file, name) for file in files[room]):
                fault(where, f"the row of {room} has {name} twice, or there is none")


pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"),
                *(p for p in ROOT.glob("examples/**/*.md") if "node_modules" not in p.parts and ".venv" not in p.parts)])
for page in pages:
    check_links(page)
    with tempfile.TemporaryDirectory() as one:
        check_programs(page, Path(one))
for page in (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"):
    check_names(page)
check_map(ROOT / "docs" / "architecture.md")
reference = subprocess.run([ROOT / "scripts" / "api-reference"], capture_output=True, text=True, check=True).stdout
if reference != (ROOT / "docs" / "c" / "reference.md").read_text():
    fault("docs/c/reference.md", "is out of date: scripts/api-reference > docs/c/reference.md")
print(f"{faults} faults in {len(pages)} pages")
sys.exit(1 if faults else 0)
