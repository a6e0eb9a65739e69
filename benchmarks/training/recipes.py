"""How each encoder is trained, and on what that was chosen; test parts had no say."""

from search_app.twin.lstm import LstmSettings
from search_app.twin.negatives import MiningSettings
from search_app.twin.training import TrainingSettings

# Chosen on the dev part of the STS benchmark.
STS = TrainingSettings(
    loss="cosent", epochs=2, batch_size=32, learning_rate=5e-5, max_tokens=64, held_out_share=0, evaluations=1
)

# Chosen on a quarter of SciFact's train queries that was left out for it.
SCIFACT = TrainingSettings(
    loss="in-batch-negatives",
    epochs=4,
    batch_size=32,
    learning_rate=5e-5,
    max_tokens=128,
    held_out_share=0,
    evaluations=1,
)
SCIFACT_MINING = MiningSettings(negatives=1)

# From nothing: what the texts mean by the default encoder, and then the scored pairs.
LSTM = LstmSettings()
DISTILLATION = TrainingSettings(
    loss="distillation", epochs=6, batch_size=64, learning_rate=1e-3, max_tokens=64, held_out_share=0, evaluations=1
)
LSTM_STS = TrainingSettings(
    loss="cosent", epochs=2, batch_size=32, learning_rate=3e-4, max_tokens=64, held_out_share=0, evaluations=1
)
