"""The addresses that Oracle's clients call instead of Oracle's own."""


def read(text: str) -> dict[str, str]:
    """Return the URL of each client by its name, from the text of CLIENT_HOST_OVERRIDES.

    The text is `client=url;client=url`, as the official provider reads it.
    """
    pairs = (item.partition("=") for item in text.split(";") if item)
    return {client: url for client, _, url in pairs}
