"""The index: what the log says, in tables that answer quickly. It can be made again from the log at any time.

`Store(dsn)` (store.py) is a database: `chdb:///FOLDER` inside this process, `clickhouse://HOST:PORT,HOST:PORT/DATABASE`
elsewhere. Tables (tables.sql) of an older form are made again from the log. One row of `report` is one app and
medium of one report. `day_count`, `country_day` and `carry_day` are counted, a day at a time, whenever a day changes,
and `stream_month` and `carry_month` from them: no page reads reports, and none reads days that it does not show.

    ReportRow        fill.py      one app and medium of a report (also of taps and imports, told apart by `source`)
    ReportTransportRow  fill.py   one transport of one app and medium of a report
    DayCount         queries.py   day x country x network x app x medium x source: how many said what
    NetworkDayCount  queries.py   the same over all sources and bases, taps left out; of every day, or of the last one
    CountryDay       queries.py   day x country x app x medium
    TransportShare   queries.py   app x medium x transport, of a network or of a country

Read store.py and queries.py, then how the tables are kept up to date: fill.py and refresh.py.

Nothing that is withdrawn is in any answer. A part of the index that does not answer is an error, never a smaller sum.
"""
