"""The pictures of the pages: charts of days (`chart`), networks by days (`strip`), countries (`map`); `drawings` puts
views and words together, `png` makes the file that people download."""
