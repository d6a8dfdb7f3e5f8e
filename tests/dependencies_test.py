#!/usr/bin/env python3
"""Holds the tree to its own map: who may include whom, where Torch may appear, no cycles between folders, the words
that sphere/ must not know, sizes of files, a README in every folder that builds something.

    dependencies_test.py TREE            checks includes, Torch, cycles, sizes, READMEs
    dependencies_test.py TREE --words    checks the words of sphere/
    dependencies_test.py --self-test     breaks every rule once in a scratch tree and expects to hear about it
"""
import pathlib
import re
import sys
import tempfile

FOLDERS = ["base", "sphere", "distributed", "io", "regrid", "forecast", "experiments", "cli", "tests", "benchmarks"]
ALL = set(FOLDERS)
# Longest prefix first: the row of a file is the first that its path starts with; targets are matched likewise.
MAY_INCLUDE = {
    "sphere/grid": {"base", "sphere/grid"},
    "base": {"base"},
    "sphere": {"base", "sphere"},
    "distributed": {"base", "distributed"},
    "io": {"base", "sphere/grid", "io"},
    "regrid": {"base", "sphere", "io", "regrid"},
    "forecast": {"base", "sphere", "distributed", "io", "regrid", "forecast"},
    "experiments": {"base", "sphere", "distributed", "io", "regrid", "experiments"},
    "cli": ALL,
    "tests": ALL,
    "benchmarks": ALL,
}
PLAIN = ["base", "sphere/grid", "io", "regrid", "forecast/verify"]  # no Torch …
TORCH_INSIDE = ["base/torch", "io/checkpoint", "io/safetensors", "regrid/spectral"]  # … but here
WORDS = ["forecast", "weather", "pressure", "humidity", "lead_time", "image", "logits", "num_classes"]
MOST_LINES, MOST_README_LINES = 500, 40
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def under(path, prefix):
    return path == prefix or path.startswith(prefix + "/") or path.startswith(prefix + ".")


def sources(tree, folders=FOLDERS):
    for folder in folders:
        for path in sorted((tree / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".cu"):
                yield path, path.relative_to(tree).as_posix()


def check_includes(tree):
    for path, name in sources(tree):
        row = next(r for r in MAY_INCLUDE if under(name, r))
        is_plain = any(under(name, p) for p in PLAIN) and not any(under(name, t) for t in TORCH_INSIDE)
        for bracket, target in INCLUDE.findall(path.read_text()):
            ours = bracket == '"' and target.split("/")[0] in ALL and "/" in target
            if ours and not any(under(target, a) for a in MAY_INCLUDE[row]):
                yield f'{name}: {row} may not include "{target}" (allowed: {", ".join(sorted(MAY_INCLUDE[row]))})'
            if is_plain and re.match(r"(torch|ATen|c10|base/torch)/", target):
                yield f"{name}: {target} in a part without Torch"


def check_cycles(tree):
    edges = {}
    for path, name in sources(tree, [f for f in FOLDERS if f not in ("tests", "benchmarks")]):
        here = name.rsplit("/", 1)[0]
        for bracket, target in INCLUDE.findall(path.read_text()):
            there = target.rsplit("/", 1)[0]
            if bracket == '"' and target.split("/")[0] in ALL and there != here:
                edges.setdefault(here, {}).setdefault(there, name)
    done, stack = set(), []

    def visit(folder):
        if folder in stack:
            loop = stack[stack.index(folder):] + [folder]
            files = ", ".join(edges[a][b] for a, b in zip(loop, loop[1:]))
            yield f"cycle of folders {' -> '.join(loop)} (through {files})"
            return
        if folder in done:
            return
        done.add(folder)
        stack.append(folder)
        for there in sorted(edges.get(folder, {})):
            yield from visit(there)
        stack.pop()

    for folder in sorted(edges):
        yield from visit(folder)


def check_sizes(tree):
    for path, name in sources(tree):
        lines = path.read_text().count("\n")
        if lines > MOST_LINES:
            yield f"{name}: {lines} lines, at most {MOST_LINES}"


def check_readmes(tree):
    for folder in FOLDERS:
        if folder == "tests":
            continue
        for cmake in sorted((tree / folder).rglob("CMakeLists.txt")):
            readme = cmake.parent / "README.md"
            name = cmake.parent.relative_to(tree).as_posix()
            if not readme.exists():
                yield f"{name}: no README.md"
            elif readme.read_text().count("\n") > MOST_README_LINES:
                yield f"{name}/README.md: more than {MOST_README_LINES} lines"


def check_words(tree):
    # Names such as "Pangu-Weather" in sources of formulas are proper names, not words of the code.
    pattern = re.compile(r"(?<![\w-])(" + "|".join(WORDS) + ")", re.I)
    names = re.compile("(" + "|".join(w for w in WORDS if "_" in w) + ")", re.I)
    for path, name in sources(tree, ["sphere"]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            # identifiers are read word by word: forecast_hours and kImageSize count
            split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", line).replace("_", " ")
            found = pattern.search(split) or names.search(line)
            if found:
                yield f"{name}:{number}: '{found.group(1)}' in sphere/: {line.strip()}"


CHECKS = {"includes": check_includes, "cycles": check_cycles, "sizes": check_sizes, "readmes": check_readmes}


def self_test():
    bad = {
        "base/a.h": '#include "io/field.h"\n',
        "sphere/grid/a.h": '#include "sphere/window/w.h"\n',
        "sphere/b.h": '#include "io/field.h"\n',
        "io/a.cpp": '#include "sphere/window/w.h"\n',
        "distributed/a.h": '#include "sphere/grid/grid.h"\n',
        "experiments/a.h": '#include "forecast/state/state.h"\n',
        "forecast/a.h": '#  include "cli/commands.h"\n',
        "regrid/a.cpp": "#include <torch/types.h>\n",
        "forecast/verify/a.cpp": '#include "base/torch/wrap.h"\n',
    }
    good = {
        "base/torch/wrap.h": "#include <torch/types.h>\n",
        "io/checkpoint/a.cpp": '#include "base/torch/wrap.h"\n',
        "io/b.cpp": '#include "sphere/grid/grid.h"\n#include <vector>\n',
        "cli/a.cpp": '#include "forecast/state/state.h"\n',
        "sphere/c.h": "// Source: Pangu-Weather\n#include \"sphere/grid/grid.h\"\n",
    }
    words = {"sphere/d.h": "int num_classes;\n", "sphere/e.h": "int kImageSize;\n", "sphere/f.cpp": "// a forecast\n",
             "sphere/g.h": "double lead_time_h;\n"}
    others = {"io/long.cpp": "\n" * (MOST_LINES + 1), "io/CMakeLists.txt": "", "regrid/CMakeLists.txt": "",
              "regrid/README.md": "\n" * (MOST_README_LINES + 1),
              "forecast/state/s.h": '#include "forecast/model/m.h"\n',
              "forecast/model/m.h": '#include "forecast/state/s.h"\n'}
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for name, text in {**bad, **good, **words, **others}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        caught = {name: list(check(tree)) for name, check in CHECKS.items()}
        spoken = list(check_words(tree))
    failures = []
    blamed = {line.split(":")[0] for line in caught["includes"]}
    failures += [f"include not caught: {n}" for n in bad if n not in blamed]
    failures += [f"include wrongly blamed: {n}" for n in good if n in blamed]
    heard = {line.split(":")[0] for line in spoken}
    failures += [f"word not caught: {n}" for n in words if n not in heard]
    failures += [f"word wrongly blamed: {n}" for n in heard if n not in words]
    if [line.split(":")[0] for line in caught["sizes"]] != ["io/long.cpp"]:
        failures.append(f"sizes: {caught['sizes']}")
    if len(caught["readmes"]) != 2:
        failures.append(f"readmes: {caught['readmes']}")
    if not any("forecast/state" in line for line in caught["cycles"]):
        failures.append(f"cycles: {caught['cycles']}")
    return failures


def main():
    if "--self-test" in sys.argv:
        problems = self_test()
    else:
        tree = pathlib.Path(sys.argv[1])
        checks = [check_words] if "--words" in sys.argv else CHECKS.values()
        if not list(sources(tree, ["sphere"])):
            sys.exit(f"dependencies: {tree} has no sphere/, is it the source tree?")
        problems = [p for check in checks for p in check(tree)]
    for problem in problems:
        print(problem)
    print(f"dependencies: {len(problems)} problem(s)")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
