"""The languages of the pages and mails: texts with their catalogs, dates, and the users' choice."""

from pathlib import Path

CATALOGS = Path(__file__).parent / "catalogs"
# the language of the sources
ENGLISH = "en"
AVAILABLE = (ENGLISH, *sorted(folder.name for folder in CATALOGS.iterdir()))
