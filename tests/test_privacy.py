"""Files that are fit to hold secrets, and files that are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bwconnector import privacy
from bwconnector.config import ConfigError, load
from bwconnector.privacy import private_file_problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "password"
    file.parent.mkdir(mode=0o700)
    file.write_text("geheim")
    file.chmod(0o600)
    return file


def test_a_file_of_our_own(file: Path) -> None:
    assert private_file_problem(file) == ""
    file.chmod(0o400)
    assert private_file_problem(file) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_modes(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert private_file_problem(file) == f"{file} can be read by other users (mode {mode:04o}); run: chmod 600 {file}"


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir(mode=0o700)


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Path.unlink, "cannot be read: No such file or directory"),
        (directory, "is no file"),
        (pipe, "is no file"),
        (lambda file: file.parent.chmod(0o707), "can be replaced by other users"),
    ],
    ids=["absent", "a directory", "a pipe", "in a folder of everybody's"],
)
def test_what_is_no_file_of_our_own(file: Path, change: Callable[[Path], None], says: str) -> None:
    change(file)
    assert says in private_file_problem(file)


def test_a_folder_of_everybody_s_where_each_can_only_touch_his_own(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert private_file_problem(file) == ""


def test_the_owner(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another user's file, only that of root is trusted."""
    owner = file.stat().st_uid
    monkeypatch.setattr(privacy.os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(privacy, "ROOT", owner)
    assert private_file_problem(file) == ""
    monkeypatch.setattr(privacy, "ROOT", owner + 2)
    assert private_file_problem(file) == f"{file} belongs to another user (id {owner}), who can change it; run: chown {owner + 1} {file}"


class TestLinks:
    @pytest.fixture
    def link(self, file: Path) -> Path:
        link = file.parent.parent / "elsewhere" / "link"
        link.parent.mkdir(mode=0o700)
        link.symlink_to(file)
        return link

    def test_one_that_leads_to_a_fit_file(self, link: Path) -> None:
        assert private_file_problem(link) == ""

    def test_the_file_counts_not_the_link(self, file: Path, link: Path) -> None:
        file.chmod(0o644)
        assert "can be read by other users (mode 0644)" in private_file_problem(link)

    def test_both_places_count(self, file: Path, link: Path) -> None:
        link.parent.chmod(0o707)
        assert f"who may write in {link.parent}" in private_file_problem(link)
        link.parent.chmod(0o700)
        file.parent.chmod(0o707)
        assert f"who may write in {file.parent}" in private_file_problem(link)

    def test_one_that_leads_nowhere(self, file: Path, link: Path) -> None:
        file.unlink()
        assert "cannot be read: No such file" in private_file_problem(link)


def test_the_start_is_refused_without_a_word_of_the_secret(file: Path) -> None:
    config = file.parent / "connector.toml"
    config.write_text(
        '[Connector]\nchannel-set-name = "x"\napp-controller = "x"\nuser-id = "u"\npassword-file = "password"\n[link-a]\nhostname = "h"\n'
    )
    assert load(config, environ={}).connector.password.reveal() == "geheim"
    file.chmod(0o640)
    with pytest.raises(ConfigError) as caught:
        load(config, environ={})
    (problem,) = caught.value.problems
    assert problem.startswith(f"[Connector] password-file: {file} can be read by other users")
    assert "geheim" not in problem
