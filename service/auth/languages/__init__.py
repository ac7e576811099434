"""The languages of the pages and mails: texts with their catalogs, dates, and the users' choice."""

from pathlib import Path

CATALOGS = Path(__file__).parent / "catalogs"
# the language of the sources
ENGLISH = "en"
# with each language's own name for itself: to read it from CLDR takes megabytes for each language
AVAILABLE = {ENGLISH: "English", "de": "Deutsch", "es": "Español"}
