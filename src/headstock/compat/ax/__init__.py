"""The import paths of Ax's tutorials: change `ax` to `headstock.compat.ax`, and the script runs."""
