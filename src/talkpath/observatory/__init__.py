"""The observatory: takes reports in, judges them, finds events in them, tests public claims on them, and shows the
result.

Read log/ (what came in) and intake/ first, then judging/ and index/ (what the reports say, counted), detect/ and
events/ (when restrictions began and ended), claims/ and reach/, findings/ (all of that together), feeds/ and web/ (what
others see), and server.py and serve.py, which put it together and tell what an operator has to mend. publication.py
holds the one rule of what may be shown. importers/ brings in records from elsewhere, workers/ runs processes beside the
intake, article/ writes docs/article.md.
It measures nothing itself.
"""
