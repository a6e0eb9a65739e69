"""Which examples are learned from, and which are held out to measure on."""

from search_app.errors import TrainingError
from search_app.twin.batches import plan_batches
from search_app.twin.examples import Examples, set_aside
from search_app.twin.objectives import order_of
from search_app.twin.training_settings import TrainingSettings, objective_of


def divided(examples: Examples, settings: TrainingSettings) -> Examples:
    """The examples with a held-out part: their own, or one that is set aside if there are enough of them.

    Raises:
        TrainingError: Their own can't be measured, or the loss doesn't fit the examples.
    """
    order = order_of(objective_of(settings, examples.shape), examples.shape)
    parted = set_aside(examples, share=settings.held_out_share, seed=settings.seed)
    if not parted.held_out or plan_batches(parted.held_out, settings.batch_size, order=order):
        return parted
    if not examples.held_out:
        return examples
    raise TrainingError(
        f"No batch can be made of {len(examples.held_out)} held-out example(s) of {examples.shape.value}; expected at "
        "least two with different texts. Add some, or leave them out: then a part of the others is set aside."
    )
