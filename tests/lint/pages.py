#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Manual pages: groff has nothing to say of any; each is built, packaged and listed in README.md; what they
refer to is there; the layouts that they share with docs/snapshot.md are the same."""
import os
import re
import subprocess

import tree

# Pages of others that ours refer to.
FOREIGN = {"crypt(5)", "systemd.exec(5)"}


def pages(root):
    """{"rekeyctl(1)": path}"""
    found = {}
    for path in tree.files(root, (".scd",), under=("docs",)):
        name, section = re.fullmatch(r"docs/(.+)\.([1-8])\.scd", path).groups()
        found[f"{name}({section})"] = path
    return found


def said_of(scdoc, groff, text):
    """What both programs say of a page; "" of a good one."""
    made = subprocess.run([scdoc], input=text, capture_output=True, text=True)
    if made.returncode != 0:
        return made.stderr.strip()
    return subprocess.run([groff, "-mandoc", "-Tutf8", "-Kutf8", "-ww", "-z", "-rLL=100n"],
                          input=made.stdout, capture_output=True, text=True).stderr.strip()


def existing(root, path):
    return tree.read_text(root, path) if os.path.isfile(os.path.join(root, path)) else None


def check(root):
    found = pages(root)
    scdoc, groff = (tree.need_tool("scdoc"), tree.need_tool("groff")) if found else ("", "")
    build, readme = existing(root, "docs/meson.build"), existing(root, "README.md")
    shared = existing(root, "docs/snapshot.md")
    packaged = [existing(root, path) for path in tree.files(root, (".install",), under=("debian",))]
    for title, path in found.items():
        text = tree.read_text(root, path)
        name, section = title[:-1].split("(")
        if not text.startswith(title + "\n"):
            yield f"{path}: says it is {text.splitlines()[0]}"
        for line in said_of(scdoc, groff, text).splitlines():
            yield f"{path}: {line}"
        for other in re.findall(r"\*([a-z.-]+)\*(\([1-8]\))", text):
            if "".join(other) not in found.keys() | FOREIGN:
                yield f"{path}: refers to {''.join(other)}, which is not there"
        for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if "magic" in block and shared is not None and block not in shared:
                yield f"{path}: docs/snapshot.md has another layout"
        if build is not None and f"'{name}': '{section}'" not in build:
            yield f"{path}: is not built"
        if packaged and not any(f"man{section}/{name}.{section}\n" in p for p in packaged):
            yield f"{path}: is in no package"
        if readme is not None and title not in readme:
            yield f"{path}: README.md does not name it"


if __name__ == "__main__":
    tree.main(lambda root: list(check(root)))
