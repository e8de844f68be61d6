"""Frames of CCDs and near-infrared arrays: contaminants and tracking errors."""
