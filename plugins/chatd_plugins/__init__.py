"""The bundled commands. They use what `chatd` exports and nothing else, like any plugin."""
