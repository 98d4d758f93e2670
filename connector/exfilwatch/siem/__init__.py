"""SIEMs: one file each behind one protocol (siem.py). They fetch raw records; what these mean is not their business."""
