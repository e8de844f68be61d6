"""Catalogues of clusters: tables, cross-matches, previews and products of a search."""
