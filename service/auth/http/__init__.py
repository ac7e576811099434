"""The HTTP parts that the three faces share: access, fields, problem documents, middleware."""
