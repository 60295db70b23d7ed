"""Static int8: the settings, calibration within a memory bound, and the search among them.

Everything here works on ONNX files and arrays and needs no torch.
"""
