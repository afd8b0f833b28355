"""Which files a catalogue is read from, and in which coding."""

import os
from pathlib import Path

import pytest
from workflow_mock.catalogue.loader import InvalidCatalogue, catalogue_files, demo, read


def test_files_and_folders_merge(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("workflows: [{name: B, tasks: [{key: a}]}]")
    (tmp_path / "a.json").write_text('{"workflows": [{"name": "A", "tasks": [{"key": "a"}]}], "clients": []}')
    (tmp_path / "notes.txt").write_text("not a catalogue")
    found = read([tmp_path])
    assert [definition.name for definition in found.workflows] == ["A", "B"]
    assert found.clients == ()


def test_an_empty_folder_leaves_the_demo_where_that_will_do(tmp_path: Path) -> None:
    assert [w.id for w in read([tmp_path], or_demo=True).workflows] == [w.id for w in demo().workflows]
    with pytest.raises(InvalidCatalogue) as caught:
        read([tmp_path])
    assert caught.value.problems == (f"{tmp_path}: there are no catalogue files in it",)


def test_what_is_no_file_in_a_folder_is_passed_over_but_a_dangling_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("workflows: [{name: A, tasks: [{key: a}]}]")
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").mkdir()
    (tmp_path / "d.yaml").symlink_to(tmp_path / "a.yaml")
    assert [file.name for file in catalogue_files([tmp_path])] == ["a.yaml", "d.yaml"]
    (tmp_path / "d.yaml").unlink()
    (tmp_path / "e.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidCatalogue, match=r"e\.yaml: can't be read"):
        read([tmp_path])


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidCatalogue, match=r"c\.yaml: can't be read"):
        read([tmp_path / "c.yaml"])


in_yaml_and_json = pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("c.yaml", "workflows: [{name: Ä, tasks: [{key: a}]}]", id="YAML"),
        pytest.param("c.json", '{"workflows": [{"name": "Ä", "tasks": [{"key": "a"}]}]}', id="JSON"),
    ],
)


@in_yaml_and_json
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_in_unicode_is_read(tmp_path: Path, codec: str, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode(codec))
    assert [workflow.name for workflow in read([tmp_path]).workflows] == ["Ä"]


@in_yaml_and_json
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_of_a_file_in_another_coding_it_is_told_how_to_save_it(
    tmp_path: Path, codec: str, name: str, text: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(codec))
    with pytest.raises(InvalidCatalogue, match="save it as UTF-8"):
        read([tmp_path])


def test_a_name_with_a_dot_in_front_is_nobodys_and_a_suffix_has_any_case(tmp_path: Path) -> None:
    (tmp_path / "._a.yaml").write_bytes(b"\0\5\26\7")
    (tmp_path / ".#a.yaml").symlink_to("me@host.1234:1700000000")
    for name in ("a.YAML", "b.Yml"):
        (tmp_path / name).write_text(f"workflows: [{{name: {name}, tasks: [{{key: a}}]}}]")
    (tmp_path / "c.JSON").write_text('{"workflows": [{"name": "c", "tasks": [{"key":\t"a"}]}]}')
    assert [workflow.name for workflow in read([tmp_path]).workflows] == ["a.YAML", "b.Yml", "c"]
