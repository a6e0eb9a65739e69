"""The whole loop in one piece of work: train on judgements, predict, re-index, ask the gate, switch or keep, report."""
