"""What the README and docs/ say is true: their programs run, their commands exist, their tables are the code's."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import numpy as np
import pytest
import typer

import mpcfl
from mpcfl import errors, requests, ring
from mpcfl.cli import app, call
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.neural.described import LAYERS
from mpcfl.learners import LEARNERS
from mpcfl.ledger import Entry
from mpcfl.machine import free_ports
from mpcfl.message import Message
from mpcfl.operations import ARRAY_SIGNIFICANT_BITS
from mpcfl.protocols import additive, semi2k

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text("utf-8") for page in PAGES}
FENCE = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

RUN, TEST = (
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/mpcfl demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest",
)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """(language, file, text) of every fenced block."""
    return [(match[1], match[2] or "", match[3]) for match in FENCE.finditer(TEXT[page])]


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table whose heading begins with that cell."""
    lines = iter(TEXT[page].splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    return rows
                cells = re.split(r"(?<!\\)\|", row)[1:-1]
                rows.append([cell.strip().strip("`") for cell in cells])
            return rows
    raise AssertionError(f"{page} has no table that begins with {first!r}")


# The README's two commands


def test_the_two_commands() -> None:
    lines = [line.strip() for line in TEXT["README.md"].splitlines()]
    assert lines.count(RUN) == lines.count(TEST) == 1


def test_ci_reads_the_test_command_out_of_the_readme() -> None:
    script = re.search(r"command=\$\(sed -nE '(.+)' README\.md\)", (ROOT / ".ci" / "run").read_text("utf-8"))
    assert script is not None
    found = subprocess.run(
        ["sed", "-nE", script[1], "README.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert found.splitlines() == [TEST]


# Programs


@pytest.mark.parametrize("page", [page for page in TEXT if any(b[0] == "python" and not b[1] for b in blocks(page))])
def test_programs_run(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's Python blocks run one after the other; a block of text right after one is what it prints."""
    if page == "docs/ckks.md":
        pytest.importorskip("tenseal")
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # dataclasses look their module up
    printed: str | None = None
    for language, file, text in blocks(page):
        if language == "text" and printed is not None:
            assert text == printed
        printed = None
        if language == "python" and not file:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text, page, "exec"), module.__dict__)
            printed = out.getvalue()


def program(name: str, folder: Path, page: str = "README.md") -> Path:
    """A page's program, as a file."""
    (text,) = [text for _, file, text in blocks(page) if file == name]
    (folder / name).write_text(text, "utf-8")
    return folder / name


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(mpcfl.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What each printed, once all have ended well; none is left behind."""
    try:
        ended = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes), [error for _, error in ended]
    return [printed.strip() for printed, _ in ended]


def test_the_readme_program_in_one_process(tmp_path: Path) -> None:
    (printed,) = outputs([start(tmp_path, str(program("excess.py", tmp_path)))])
    assert re.fullmatch(r"1\.167 \d+ \[\d+, \d+\]", printed)


def organisations(folder: Path) -> None:
    """Keys and a roster, made as docs/deployment.md says."""
    roster = []
    ports = iter(free_ports(6))
    for name, role in (("bank", "party"), ("bureau", "party"), ("dealer", "dealer")):
        assert call(["keygen", "--party", name, "--role", role, "--out", str(folder)]) == 0
        control, data = (f"127.0.0.1:{next(ports)}" for _ in range(2))
        roster += [(folder / f"{name}.toml").read_text("utf-8"), f'bind = "{control}"\ndata_bind = "{data}"\n']
        roster += [f'address = "{control}"\ndata_address = "{data}"\n']
    (folder / "roster.toml").write_text("".join(roster), "utf-8")


def test_the_readme_program_over_the_network(tmp_path: Path) -> None:
    organisations(tmp_path)
    script = str(program("excess.py", tmp_path))
    printed = outputs(
        [
            start(tmp_path, script, "bank"),
            start(tmp_path, script, "bureau"),
            start(tmp_path, "-m", "mpcfl", "dealer", "--roster", "roster.toml", "--key", "dealer.key"),
        ]
    )
    assert printed[:2] == ["1.167", "1.167"]


def test_the_program_that_runs_from_a_tape(tmp_path: Path) -> None:
    organisations(tmp_path)
    script = str(program("ahead.py", tmp_path, "docs/deployment.md"))
    dealer = ("-m", "mpcfl", "dealer", "--roster", "roster.toml", "--key", "dealer.key", "--state-dir", "register")
    for what, said in (("record", ""), ("run", "55.0")):
        printed = outputs(
            [*(start(tmp_path, script, what, name) for name in ("bank", "bureau")), start(tmp_path, *dealer)]
        )
        assert printed[:2] == [said, said]


def test_the_job_of_the_deployment_page_is_one() -> None:
    (job,) = [text for language, _, text in blocks("docs/deployment.md") if language == "toml" and "[job]" in text]
    assert Job.from_text(job, "docs/deployment.md").rank_order(["bureau", "bank"]) == ["bank", "bureau"]


def test_the_jobs_of_the_jobs_page_are_some_and_show_every_key() -> None:
    texts = [text for language, _, text in blocks("docs/jobs.md") if language == "toml"]
    jobs = [Job.from_text(text, "docs/jobs.md") for text in texts]
    assert [job.job.name for job in jobs] == ["credit", "digits", "clinics"]
    whole = TEXT["docs/jobs.md"]
    for name, section in Job.model_fields.items():
        assert f"[{name}]" in whole
        for kind in (section.annotation, *get_args(section.annotation)):
            for key in getattr(kind, "model_fields", {}):
                shown = rf"^{key} = |^\[{name}\.{key}\]|`({name}\.)?{key}`"
                assert re.search(shown, whole, re.MULTILINE), f"{name}.{key}"
    for kind in LEARNERS:
        assert f"`{kind}`" in whole
    assert all(f"`{kind}`" in whole for kind in LAYERS)


# Commands


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of this library in a block or a code span, with the page where it stands."""
    for page, text in TEXT.items():
        code = [body for language, _, body in blocks(page) if language in ("", "sh")]
        code += [line for line in text.splitlines() if line.startswith("    ")]
        code += [span.replace("\n", " ") for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", FENCE.sub("", text))]
        for line in (line for body in code for line in body.splitlines()):
            if match := re.search(r"(?:^|[\s/])mpcfl (.+)", line):
                yield page, shlex.split(match[1], comments=True)


def test_every_command_and_option_exists() -> None:
    seen = set()
    for page, words in commands():
        known = typer.main.get_command(app)
        name = "mpcfl"
        while words and getattr(known, "commands", None) and not words[0].startswith("-"):
            assert words[0] in known.commands, f"{page}: {name} has no command {words[0]}"
            name, known = f"{name} {words[0]}", known.commands[words.pop(0)]
        seen.add(name)
        options = {option for parameter in known.params for option in parameter.opts}
        for word in words:
            option = word.partition("=")[0]
            assert not option.startswith("--") or option in options, f"{page}: {name} has no option {option}"
    top = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {f"mpcfl {name}" for name in top if name != "ledger"} <= seen
    assert {f"mpcfl ledger {name}" for name in top["ledger"].commands} <= seen


def test_options_named_alone_exist() -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {option for name in ("run", "dealer") for parameter in known[name].params for option in parameter.opts}
    for page in ("docs/deployment.md", "docs/ledger.md", "docs/security.md"):
        for option in re.findall(r"`(--[a-z-]+)(?: [A-Z]+)?`", TEXT[page]):
            assert option in options, f"{page} names {option}"


# Tables against the code


def messages() -> dict[str, Message]:
    others: tuple[Message, ...] = (additive.SHAPE, additive.PUBLIC, additive.OUTPUT)
    others += (requests.REQUEST, requests.CORRECTION, requests.TAPE, requests.REGISTER)
    return {**semi2k.suite.messages, **{message.name: message for message in others}}


def test_the_message_table_is_the_declarations() -> None:
    rows = {row[0]: row for row in table("docs/security.md", "Message")}
    assert rows.keys() == messages().keys()
    for name, message in messages().items():
        _, _, exposure, _, purpose = rows[name]
        assert exposure == message.exposure.value
        assert message.purpose in purpose or purpose.startswith(message.purpose)


def test_the_primitive_table_is_the_rules() -> None:
    rows = {row[0]: row for row in table("docs/security.md", "Primitive")}
    assert rows.keys() == semi2k.suite.table.keys()
    n = 64 * 16
    for primitive, rule in semi2k.suite.table.items():
        _, sent, rounds, size = rows[primitive]
        assert set(re.findall(r"[a-z]+\.[a-z]+", sent)) == {message.name for message in rule.messages}
        assert int(rounds) == rule.rounds
        operands = 2 if primitive in {"mul", "mux", "divide", "arctan2", "power", "hypot"} else 1
        shapes = [(32, 32), (32, 1)] if "matmul" in primitive else [(n,)] * operands
        elements = 32 * 32 + 32 if "matmul" in primitive else n
        result = 64 if primitive == "matmul_parity" else 0  # a bit for each of its elements, in whole words
        assert float(size.split()[0].rstrip(";")) == (rule.bits(shapes, 2) - result) / 8 / elements


def test_the_exit_codes() -> None:
    rows = [int(row[0]) for row in table("docs/deployment.md", "Code")]
    assert rows == sorted({0, 1, *errors.BY_CODE})


def test_the_ledger_keys() -> None:
    rows = [re.findall(r"\w+", row[0]) for row in table("docs/ledger.md", "Key")]
    assert [key for row in rows for key in row] == list(Entry.__dataclass_fields__)


def test_links_lead_somewhere() -> None:
    for page, text in TEXT.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
            if target.startswith("https://"):
                continue
            file, _, anchor = target.partition("#")
            place = ((ROOT / page).parent / file).resolve() if file else ROOT / page
            assert place.is_file(), f"{page} links to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", place.read_text("utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{page} links to {target}"


# Numbers


def test_the_table_of_ranges() -> None:
    for fraction, _, representable, product, matrix in table("docs/numerics.md", "fraction")[:4]:
        f = int(fraction)
        assert representable.startswith(f"2^{62 - f} = {2.0 ** (62 - f):.1e}".replace("e+", "e"))
        for cell, bits in ((product, 62 - 2 * f), (matrix, 61 - 2 * f)):
            assert cell.startswith(f"2^{bits} = {2.0**bits:.1e}".replace("e+0", "e").replace("e+", "e"))
        ring.encode(np.array([np.nextafter(2.0 ** (62 - f), 0)]), f)
        with pytest.raises(InputError):
            ring.encode(np.array([2.0 ** (62 - f)]), f)


def test_the_error_of_a_public_array() -> None:
    rng = np.random.default_rng(5)
    x, y = (ring.decode(ring.encode(rng.uniform(-100, 100, 5000), 18), 18), rng.uniform(-0.999, 0.999, 5000))
    got = mpcfl.simulate(lambda session: (session.share(x, 0, x.shape) * y).reveal()).results[0]
    scale = ARRAY_SIGNIFICANT_BITS  # of a largest magnitude in [1/2, 1)
    assert (np.abs(got - x * y) < 2.0**-18 + np.abs(x) * 2.0 ** -(scale + 1)).all()
