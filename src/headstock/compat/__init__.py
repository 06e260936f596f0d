"""Other libraries' names for headstock's things; nothing else of headstock imports this."""
