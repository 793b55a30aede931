"""Measure how well documents are read: payslips and forms that it draws, and knows.

``papers`` invents what they say, ``layouts`` draws them, ``measuring`` scans, reads and compares.
"""
