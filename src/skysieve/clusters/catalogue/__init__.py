"""Catalogues: tables, names, matches, previews."""
