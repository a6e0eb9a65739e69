"""Settings and the home: where all state lives.

A setting comes from the first that names it: a flag, the environment (TWINSEARCH_*), the home's config.toml,
the default below. The home itself can't be named in its own file.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ingest.limits import Limits
from search_app.errors import UsageError
from search_app.index.parameters import IndexSettings

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_COLLECTION = "docs"


class Settings(BaseSettings):
    """What a person may set; every name is also TWINSEARCH_<NAME> in the environment."""

    model_config = SettingsConfigDict(env_prefix="TWINSEARCH_", extra="forbid", frozen=True)

    milvus_uri: str = Field("", description="A Milvus server; empty for the embedded one.")
    milvus_token: SecretStr = Field(SecretStr(""), description="user:password or API key of that server.")
    milvus_timeout_seconds: float = Field(30.0, gt=0)
    engine_idle_seconds: float = Field(600.0, gt=0, description="The embedded Milvus ends itself after this.")
    encoder: str = Field(DEFAULT_ENCODER, description="The encoder of a new collection.")
    device: str = Field("auto", description="auto, cpu, cuda, mps.")
    precision: Literal["auto", "fp32", "bf16", "fast-fp32", "fast-bf16"] = "auto"
    chunk_tokens: int = Field(0, ge=0, description="Longest chunk; 0 is as long as the encoder reads.")
    chunk_overlap: int = Field(0, ge=0, description="Tokens that neighbouring chunks share.")
    flush_chunks: int = Field(5000, ge=1, description="Chunks at most between two flushes of Milvus.")
    index: IndexSettings = Field(IndexSettings(), description="How Milvus indexes vectors; see docs/search.md.")
    limits: Limits = Field(Limits(), description="What one file may cost; see docs/ingest.md.")
    cross_encoder: str = Field("", description="The page offers it as a second stage: a folder, or a name of the hub.")
    job_niceness: int = Field(10, ge=0, le=19, description="How far a job stands back behind who searches.")
    soak_days: float = Field(7.0, ge=0, description="A generation that isn't live is kept for so long.")
    note_queries: bool = Field(True, description="Whether the page notes what is asked, to be judged later.")
    user: str = Field("", description="Who judges; empty is the login name.")
    api_token: SecretStr = Field(SecretStr(""), description="Who has it may use the JSON API; empty turns it off.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then config.toml; .env files and secret folders are not read."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


@dataclass(frozen=True, slots=True)
class Home:
    """The one folder with all state; everything below it belongs to Twinsearch."""

    path: Path

    @property
    def config_file(self) -> Path:
        """Settings that a person wrote down."""
        return self.path / "config.toml"

    @property
    def catalog_file(self) -> Path:
        """The durable truth."""
        return self.path / "catalog.sqlite"

    @property
    def vectors_file(self) -> Path:
        """The vector cache; may be deleted at any time."""
        return self.path / "vectors.sqlite"

    @property
    def engine_folder(self) -> Path:
        """Milvus Lite's data, its socket and its lock."""
        return self.path / "engine"

    @property
    def encoders_folder(self) -> Path:
        """One folder for each trained encoder."""
        return self.path / "encoders"

    @property
    def runtimes_folder(self) -> Path:
        """Models made from encoders to run faster, and what runs fastest here."""
        return self.path / "runtimes"

    @property
    def jobs_folder(self) -> Path:
        """One folder for each job: its log, progress and checkpoints."""
        return self.path / "jobs"

    @property
    def reports_folder(self) -> Path:
        """One folder for each generation that `learn` has built: its report."""
        return self.path / "reports"

    @property
    def maps_folder(self) -> Path:
        """The pictures of generations that `arrange` has drawn, one file each; may be deleted at any time."""
        return self.path / "maps"

    @property
    def queries_folder(self) -> Path:
        """What was asked through the page, one file a collection; may be deleted at any time."""
        return self.path / "queries"

    @property
    def spool_folder(self) -> Path:
        """What came in on standard input, one file a collection."""
        return self.path / "spool"

    @property
    def uploads_folder(self) -> Path:
        """What came in through the page: by hash, and one folder of names for each collection."""
        return self.path / "uploads"

    @property
    def secrets_file(self) -> Path:
        """How the web page asks a login service who comes in."""
        return self.path / "secrets.toml"

    @property
    def locks_folder(self) -> Path:
        """One lock for each collection that is written to."""
        return self.path / "locks"

    def make(self) -> None:
        """Creates the folders, readable by their owner alone.

        Raises:
            UsageError: The path is a file, or can't be written to.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.encoders_folder, self.jobs_folder, self.spool_folder, self.locks_folder):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The home {str(self.path)!r} can't be used: {error.strerror}. "
                "Name a folder that you may write to with --home or TWINSEARCH_HOME."
            ) from error


def find_home(given: Path | None = None) -> Home:
    """The home that was given, else TWINSEARCH_HOME, else the platform's folder for user data.

    Raises:
        UsageError: It lies in the folder of somebody who isn't there.
    """
    named = given or os.environ.get("TWINSEARCH_HOME")
    try:
        return Home(Path(named).expanduser().absolute() if named else platformdirs.user_data_path("twinsearch"))
    except RuntimeError as error:
        raise UsageError(
            f"The home {str(named)!r} can't be found: no user of this machine has that name, or they have no folder. "
            "Name a folder with --home or TWINSEARCH_HOME."
        ) from error


def load_settings(home: Home, flags: dict[str, Any] | None = None) -> Settings:
    """Settings from all sources; flags that are None count as not given.

    Raises:
        UsageError: A name that doesn't exist, or a value of the wrong type, wherever it stands; or config.toml can't
            be read.
    """

    class HomeSettings(Settings):
        model_config = SettingsConfigDict(toml_file=home.config_file)

    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        return HomeSettings(**given)
    except ValidationError as error:
        raise UsageError(_settings_sentence(error, home)) from error
    except ValueError as error:  # config.toml is not TOML
        raise UsageError(f"{str(home.config_file)!r} can't be read as TOML: {error}.") from error
    except OSError as error:
        raise UsageError(
            f"{str(home.config_file)!r} can't be read: {error.strerror}. "
            "Let whoever runs Twinsearch read it, or name another home with --home or TWINSEARCH_HOME."
        ) from error


def _settings_sentence(error: ValidationError, home: Home) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return (
        f"The setting {name!r} has the value {first['input']!r}: {reason}. "
        f"It comes from a flag, from TWINSEARCH_{name.upper()} or from {str(home.config_file)!r}."
    )
