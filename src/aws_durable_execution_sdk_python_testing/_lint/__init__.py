"""The determinism lint behind `lint`, the command and the flake8 plugin."""
