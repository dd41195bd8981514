"""A check as one HTML page with inline SVG.

Read `markup` (HTML as a tree), `check_page` (the page), `app_matrix` (its table), `arrival_curve` (the numbers of its
pictures) and `chart` (a picture).
"""
