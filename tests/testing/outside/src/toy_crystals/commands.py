"""A command of a package outside."""


def register(app) -> None:
    """Add the command."""

    @app.command("toys")
    def toys() -> None:
        """Say which toys there are. Example: nakaya toys"""
        print("eden, warm-cubes")
