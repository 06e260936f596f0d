"""From a `History` to numbers that explain it: model, accuracy, best arm, what matters. Nothing is drawn here."""
