"""The README does what it says: its commands print what stands below them, its Python runs.

A ```console block holds `$ fabricsim ...` lines, each followed by what a terminal shows; a line `...` is any lines. A
```python block is run after those before it. All share one working folder, in which each ```yaml block lies under the
name in its first line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fabricsim.cli.main import fabricsim
from fabricsim.cli.progress import COMPILING

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def examples(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that is shown."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = command[:-1] + more
        yield command, output


EXAMPLES = [example for block in blocks("console") for example in examples(block)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The README's working folder: it looks like the repository's root where its commands look."""
    place = tmp_path_factory.mktemp("readme")
    (place / "tests").symlink_to(Path(__file__).parent, target_is_directory=True)
    for block in blocks("yaml"):
        name = block.split("\n")[0].removeprefix("# ")
        (place / name).write_text(block, encoding="utf-8")
    return place


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command[:60] for command, _ in EXAMPLES])
def test_a_command_prints_what_the_readme_shows(command, shown, folder, monkeypatch):
    monkeypatch.chdir(folder)
    name, *arguments = shlex.split(command)
    assert name == "fabricsim"
    result = CliRunner().invoke(fabricsim, arguments)
    assert result.exit_code == announced_exit(shown), result.output
    assert matches(result.output.replace(f"{COMPILING}\n", ""), shown), result.output


def announced_exit(shown: str) -> int:
    """2 after an error message, 1 after findings."""
    if shown.startswith("fabricsim: "):
        return 2
    return 1 if re.search(r": \d+ findings$", shown.strip()) else 0


def matches(printed: str, shown: str) -> bool:
    pattern = (
        re.escape(shown.strip())
        .replace(re.escape("\n...\n"), r"\n(?:.*\n)*?")
        .replace(re.escape("\n..."), r"(?:\n.*)*")
    )
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip().splitlines())) is not None


def test_an_altered_figure_would_be_noticed():
    assert matches("a 1\nb 2\nc 3\n", "a 1\n...\nc 3")
    assert matches("a 1\nb 2\nc 3\n", "a 1\n...")
    assert not matches("a 1\nb 2\nc 3\n", "a 1\nb 3\nc 3")


def test_the_python_blocks_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert blocks("python")
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)


def test_the_readme_shows_the_commands_that_exist():
    shown = {shlex.split(command)[1] for command, _ in EXAMPLES}
    assert set(fabricsim.commands) - {"demo"} <= shown
