"""``.github/crewline.yml``: what people get wrong, and what they are told."""

import pytest

from bot.config import RepositoryConfig
from bot.github.configuration import ConfigurationProblem, configuration, read_configuration
from bot.model.observed import RepositoryFile


def problems(text: str) -> list[str]:
    read = configuration(text)
    assert isinstance(read, ConfigurationProblem)
    return [line.removeprefix(".github/crewline.yml:") for line in read.text.splitlines()]


def test_settings_are_read() -> None:
    read = configuration(
        "label: robots\nverify:\n  command: make test\nroles:\n  worker: {agent: claude, minutes: 60}\n"
    )
    assert isinstance(read, RepositoryConfig)
    assert (read.label, read.verify.command, read.roles.worker.minutes) == ("robots", "make test", 60)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_means_the_defaults(text: str) -> None:
    assert configuration(text) == RepositoryConfig()


def test_no_file_means_the_defaults() -> None:
    assert read_configuration(None) == RepositoryConfig()


def test_a_misspelt_key_is_told_with_its_line_and_the_nearest_key() -> None:
    assert problems("label: a\nverify:\n  comand: make\n") == [
        "3:3: unknown key 'verify.comand'; did you mean 'command'?"
    ]


def test_a_key_that_is_near_to_none_is_told_with_all_valid_ones() -> None:
    assert problems("merge:\n  zebra: 1\n") == ["2:3: unknown key 'merge.zebra'; known here: method, wait_for_checks"]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "lable: x\nlimits:\n  tasks: 500\nmerge:\n  method: squish\nprotected: docs\n"
    assert problems(text) == [
        "1:1: unknown key 'lable'; did you mean 'label'?",
        "3:3: limits.tasks should be less than or equal to 90, not 500",
        "5:3: merge.method should be 'squash', 'merge' or 'rebase', not 'squish'",
        "6:1: protected should be a list, not 'docs'",
    ]


def test_a_section_that_is_no_mapping() -> None:
    assert problems("roles:\n  worker: claude\n") == ["2:3: roles.worker should be a mapping of keys, not 'claude'"]


def test_a_key_given_twice_is_told_though_both_are_valid() -> None:
    assert problems("label: a\nlabel: b\n") == ["2:1: the key 'label' stands here again; it was given in line 1"]


def test_an_item_of_a_list_is_told_with_its_own_line() -> None:
    assert problems("protected:\n  - docs/**\n  - 7\n") == ["3:5: protected.1 should be a valid string, not 7"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("label: [", "1:9"), ("verify:\n\tcommand: x\n", "2:1"), ("? {a: b}\n: 1\n", "1:3"), ("label: 'a\x07b'\n", "1:1")],
)
def test_bad_yaml_is_told_with_its_place(text: str, place: str) -> None:
    assert problems(text)[0].startswith(f"{place}: this is not YAML: ")


def test_a_list_instead_of_keys() -> None:
    assert problems("- label\n") == ["1:1: the file must be a mapping of keys"]


def test_an_alias_that_holds_itself_ends() -> None:
    assert "unknown key 'a'" in problems("a: &a\n  b: *a\n")[0]


def test_the_other_spelling_of_the_file_gets_a_hint() -> None:
    read = read_configuration(RepositoryFile(".github/crewline.yaml", "1" * 40, "label: x\n"))
    assert isinstance(read, ConfigurationProblem)
    assert read.text == ".github/crewline.yaml:1:1: this file is not read; rename it to .github/crewline.yml"


def test_a_binary_file() -> None:
    read = read_configuration(RepositoryFile(".github/crewline.yml", "1" * 40, None))
    assert isinstance(read, ConfigurationProblem)
    assert "not a text file" in read.text
