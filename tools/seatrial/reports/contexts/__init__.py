"""One module a document: facts to the strings and rows that its template places.

All arithmetic and formatting is here; a template only lays out. Where a step has not finished, a
context says so in words instead of leaving a hole.
"""
