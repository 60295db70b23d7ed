"""Answers from an exported file alone: no torch, no project, no network.

``predictor`` turns image files into probabilities, ``predictions`` answers a list of files or
folders as the document that ``seatrial predict`` writes, ``load_test`` puts the predictor under
concurrent requests.
"""
