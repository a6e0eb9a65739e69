"""Settings come from the first source that names them, and a wrong one is told with its place."""

import stat
from pathlib import Path

import platformdirs
import pytest

from search_app.config import DEFAULT_ENCODER, Home, find_home, load_settings
from search_app.errors import UsageError


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "state")
    made.make()
    return made


def test_without_any_source_the_defaults_hold(empty_home: Home) -> None:
    settings = load_settings(empty_home)
    assert (settings.encoder, settings.precision, settings.milvus_uri) == (DEFAULT_ENCODER, "auto", "")
    assert (settings.chunk_tokens, settings.chunk_overlap, settings.flush_chunks) == (0, 0, 5000)
    assert settings.engine_idle_seconds == 600


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_home.config_file.write_text('encoder = "file"\nuser = "file"\ndevice = "file"\n')
    monkeypatch.setenv("TWINSEARCH_ENCODER", "environment")
    monkeypatch.setenv("TWINSEARCH_USER", "environment")
    settings = load_settings(empty_home, {"encoder": "flag", "user": None})
    assert (settings.encoder, settings.user, settings.device) == ("flag", "environment", "file")


def test_a_setting_that_does_not_exist_is_named(empty_home: Home) -> None:
    empty_home.config_file.write_text("chunk_size = 200\n")
    with pytest.raises(UsageError) as refused:
        load_settings(empty_home)
    assert str(refused.value) == (
        "The setting 'chunk_size' has the value 200: extra inputs are not permitted. It comes from a flag, "
        f"from TWINSEARCH_CHUNK_SIZE or from '{empty_home.config_file}'."
    )


def test_a_value_of_the_wrong_type_is_told_with_its_place(empty_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINSEARCH_FLUSH_CHUNKS", "many")
    with pytest.raises(UsageError) as refused:
        load_settings(empty_home)
    assert str(refused.value) == (
        "The setting 'flush_chunks' has the value 'many': input should be a valid integer, unable to parse string "
        f"as an integer. It comes from a flag, from TWINSEARCH_FLUSH_CHUNKS or from '{empty_home.config_file}'."
    )


def test_a_file_that_is_not_toml_is_refused(empty_home: Home) -> None:
    empty_home.config_file.write_text("encoder: fluent\n")
    with pytest.raises(UsageError) as refused:
        load_settings(empty_home)
    begin = f"'{empty_home.config_file}' can't be read as TOML: "
    assert str(refused.value).startswith(begin)
    assert refused.value.exit_code == 2


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="root reads every other file")
def test_a_file_that_can_not_be_read_is_told(empty_home: Home) -> None:
    empty_home.config_file.symlink_to("/proc/self/mem")  # whose first page nobody can read, not even root
    with pytest.raises(UsageError) as refused:
        load_settings(empty_home)
    assert str(refused.value) == (
        f"{str(empty_home.config_file)!r} can't be read: Input/output error. "
        "Let whoever runs Twinsearch read it, or name another home with --home or TWINSEARCH_HOME."
    )


def test_the_home_of_somebody_who_is_not_there_is_told() -> None:
    with pytest.raises(UsageError) as refused:
        find_home(Path("~nobody-there/home"))
    assert str(refused.value) == (
        "The home '~nobody-there/home' can't be found: no user of this machine has that name, or they have no folder. "
        "Name a folder with --home or TWINSEARCH_HOME."
    )


def test_a_token_is_never_printed(empty_home: Home) -> None:
    assert "secret" not in repr(load_settings(empty_home, {"milvus_token": "secret"}))


def test_the_home_is_the_given_one_else_that_of_the_environment_else_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_HOME", str(tmp_path / "environment"))
    assert find_home(tmp_path / "given") == Home(tmp_path / "given")
    assert find_home() == Home(tmp_path / "environment")
    monkeypatch.delenv("TWINSEARCH_HOME")
    assert find_home() == Home(platformdirs.user_data_path("twinsearch"))


def test_a_home_is_readable_by_its_owner_alone(empty_home: Home) -> None:
    folders = (empty_home.path, empty_home.encoders_folder, empty_home.jobs_folder, empty_home.locks_folder)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 4


def test_a_file_can_not_be_a_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as refused:
        Home(tmp_path / "file").make()
    assert str(refused.value) == (
        f"The home '{tmp_path}/file' can't be used: File exists. "
        "Name a folder that you may write to with --home or TWINSEARCH_HOME."
    )
