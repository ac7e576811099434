"""The migrations; `auth.storage.schema` runs them."""
