"""`workflow-mock graph`: a picture of a catalogue file's workflow."""

from pathlib import Path

import pytest

from tests.support import DEMO, WORKFLOW, Server, run

ONE = "workflows: [{name: Nightly report, tasks: [{key: a}, {key: b, after: [a]}]}]"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (file := tmp_path / "one.yaml").write_text(ONE)
    return file


def test_the_only_workflow_is_drawn(file: Path) -> None:
    done = run("graph", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "<title>Nightly report</title>" in done.stdout
    assert done.stdout.endswith("</svg>\n")


def test_the_picture_is_the_servers_and_the_same_each_time(server: Server) -> None:
    served = server.http.get(f"/__admin/workflows/{WORKFLOW}/graph.svg").text
    for seed in ("1", "2"):
        drawn = run("graph", str(DEMO), "--workflow", WORKFLOW, environment={"PYTHONHASHSEED": seed})
        assert drawn.stdout == served


def test_it_is_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    (file := tmp_path / "one.yaml").write_text("workflows: [{name: Ünïcode, tasks: [{key: a}]}]", "utf-8")
    out = tmp_path / "out.svg"
    assert run("graph", str(file), "--out", str(out), environment={"PYTHONIOENCODING": "ascii"}).stdout == ""
    assert "<title>Ünïcode</title>" in out.read_text("utf-8")
    assert run("graph", str(file), environment={"PYTHONIOENCODING": "ascii"}).stdout == out.read_text("utf-8")


@pytest.mark.parametrize(
    "name", [pytest.param("Diamond", id="name"), pytest.param("2" * 8 + "-2222-4222-8222-" + "2" * 12, id="id")]
)
def test_one_of_several_is_named(name: str) -> None:
    assert "<title>Diamond</title>" in run("graph", str(DEMO), "--workflow", name).stdout


def test_which_there_are_is_said_where_none_is_named_or_a_wrong_one() -> None:
    for named, reason in (
        ([], "has 3 workflows: say which"),
        (["--workflow", "x"], "none of them named 'x': say which"),
    ):
        done = run("graph", str(DEMO), *named)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
        assert f"\n  {WORKFLOW}  'Order fulfilment'\n" in done.stderr


def test_of_many_the_first_are_said(tmp_path: Path) -> None:
    (file := tmp_path / "many.yaml").write_text(
        "\n".join(["workflows:", *(f"  - {{name: W{number}, tasks: [{{key: a}}]}}" for number in range(25))])
    )
    done = run("graph", str(file))
    assert "'W19'\n  … and 5 more" in done.stderr
    assert "W20" not in done.stderr


def test_two_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    ids = [f"{digit}0000000-0000-4000-8000-000000000000" for digit in "12"]
    entries = [f"{{id: {id}, name: Twin, tasks: [{{key: a}}]}}" for id in ids]
    (file := tmp_path / "twins.yaml").write_text(f"workflows: [{', '.join(entries)}]")
    done = run("graph", str(file), "--workflow", "Twin")
    assert done.returncode == 2
    assert "2 of them named 'Twin'" in done.stderr
    assert all(id in done.stderr for id in ids)
    assert run("graph", str(file), "--workflow", ids[1]).returncode == 0


def test_a_broken_file_is_told_as_check_tells_it(tmp_path: Path) -> None:
    (file := tmp_path / "bad.yaml").write_text(
        "workflows: [{name: A, tasks: [{key: a, after: [c]}, {key: b, after: [a]}, {key: c, after: [b]}]}]"
    )
    done, checked = run("graph", str(file)), run("check", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", checked.stderr)
    assert "the hierarchy has a cycle" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("clients: []", "has no workflows", id="no workflows"),
        pytest.param(
            "\n".join(["workflows:", "  - name: Wide", "    tasks:", *(f"      - key: k{n}" for n in range(20_001))]),
            "is too large to be drawn: 20,001 tasks",
            id="too large",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (file := tmp_path / "one.yaml").write_text(text)
    done = run("graph", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_a_file_that_cannot_be_written_is_named(file: Path, tmp_path: Path) -> None:
    done = run("graph", str(file), "--out", str(tmp_path / "nowhere" / "x.svg"))
    assert done.returncode == 2
    assert "nowhere/x.svg can't be written: " in done.stderr
