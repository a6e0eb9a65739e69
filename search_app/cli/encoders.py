"""Commands about encoders."""

import click

from search_app.cli.shell import Shell, command
from search_app.cli.tables import moment, table


@click.group("encoders")
def encoders() -> None:
    """List, shorten or drop encoders."""


@command("list", examples="twinsearch encoders list")
def list_encoders(shell: Shell) -> None:
    """Show every encoder that this home knows."""
    found = shell.app.catalog.encoders.list()
    head = ("encoder", "fingerprint", "dimension", "longest text", "since")
    rows = [
        (one.name, one.fingerprint[:12], str(one.dim), f"{one.max_tokens} tokens", moment(one.created_at))
        for one in found
    ]
    shell.show(found, lambda: table(head, rows))


@command("truncate", examples="twinsearch encoders truncate support-1 --dim 128 --name support-1-short")
@click.argument("encoder", metavar="ENCODER")
@click.option("--dim", type=int, required=True, metavar="N", help="How many components a vector keeps.")
@click.option("--name", required=True, metavar="NEW", help="What the new encoder is called.")
def truncate_encoder(shell: Shell, encoder: str, dim: int, name: str) -> None:
    """Make an encoder that keeps the first components of another's vectors (Matryoshka)."""
    made = shell.app.truncate(encoder, dim, name)
    text = (
        f"Encoder {name!r} ({made.fingerprint[:12]}) gives the first {made.dim} components of {encoder!r}.\n"
        f"To use it: `twinsearch reindex COLLECTION --encoder {name} --switch`."
    )
    shell.show(made, lambda: text)


@command("drop", examples="twinsearch encoders drop support-1")
@click.argument("name")
def drop_encoder(shell: Shell, name: str) -> None:
    """Delete a trained encoder that no generation needs."""
    shell.app.encoders.remove(name)
    shell.show({"dropped": name}, lambda: f"Encoder {name!r} is gone.")


for member in (list_encoders, truncate_encoder, drop_encoder):
    encoders.add_command(member)

COMMANDS = (encoders,)
