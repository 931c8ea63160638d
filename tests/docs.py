#!/usr/bin/env python3
"""Checks the documentation: links lead somewhere, the reference is up to date, C compiles, and programs do what stands
below them.

    tests/docs.py [BUILD_DIR]
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
LIBRARIES = "libuv libnghttp2 libprotobuf-c sqlite3 jansson zlib"
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


pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"),
                *(p for p in ROOT.glob("examples/**/*.md") if "node_modules" not in p.parts and ".venv" not in p.parts)])
for page in pages:
    check_links(page)
    with tempfile.TemporaryDirectory() as one:
        check_programs(page, Path(one))
reference = subprocess.run([ROOT / "scripts" / "api-reference"], capture_output=True, text=True, check=True).stdout
if reference != (ROOT / "docs" / "c" / "reference.md").read_text():
    fault("docs/c/reference.md", "is out of date: scripts/api-reference > docs/c/reference.md")
print(f"{faults} faults in {len(pages)} pages")
sys.exit(1 if faults else 0)
