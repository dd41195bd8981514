-- One row an app and medium of a report (fill.ReportRow). Of equal keys the highest version stands.
CREATE TABLE IF NOT EXISTS {report} (
    report String CODEC(ZSTD(1)),
    day Date,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    source LowCardinality(String),
    basis LowCardinality(String),
    state LowCardinality(String),
    rule LowCardinality(Nullable(String)),
    direction LowCardinality(Nullable(String)),
    p Nullable(Float32),
    log10_e Nullable(Float32),
    parameters String CODEC(ZSTD(1)),
    reason LowCardinality(String),
    family UInt8,
    responder LowCardinality(String),
    responder_class LowCardinality(String),
    listed UInt8,
    placed LowCardinality(String),
    contributor UInt64,
    contributor_key UInt64,
    received Date,
    simulated UInt8,
    version UInt64 CODEC(Delta, ZSTD(1)),
    withdrawn UInt8
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (day, country, network, app, medium, source, basis, report)
{settings};

-- One row a transport that was asked (fill.ReportTransportRow).
CREATE TABLE IF NOT EXISTS {transport} (
    report String CODEC(ZSTD(1)),
    day Date,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    transport LowCardinality(String),
    carries UInt8,
    simulated UInt8,
    version UInt64 CODEC(Delta, ZSTD(1)),
    withdrawn UInt8
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (day, country, network, app, medium, transport, report)
{settings};

-- What a network's reports of a day say, counted again whenever the day changes (queries.DayCount).
CREATE TABLE IF NOT EXISTS {day_count} (
    day Date,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    source LowCardinality(String),
    basis LowCardinality(String),
    listed UInt8,
    reports UInt32,
    restricted UInt32,
    ok UInt32,
    closed UInt32,
    impaired UInt32,
    unreachable UInt32,
    undecided UInt32,
    failed UInt32,
    consistent UInt32,
    contributors UInt32,
    restricted_contributors UInt32,
    rules Map(String, UInt64),
    directions Map(String, UInt64),
    families Map(String, UInt64),
    responders Map(String, UInt64),
    responders_restricted Map(String, UInt64),
    bundles Array(String) CODEC(ZSTD(1)),
    p Nullable(Float32),
    simulated UInt8,
    version UInt64
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (country, network, day, app, medium, source, basis, listed)
{settings}, index_granularity = 1024;

-- The same over a whole country (queries.CountryDay).
CREATE TABLE IF NOT EXISTS {country_day} (
    day Date,
    country LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    source LowCardinality(String),
    basis LowCardinality(String),
    reports UInt64,
    restricted UInt64,
    ok UInt64,
    closed UInt64,
    impaired UInt64,
    unreachable UInt64,
    undecided UInt64,
    failed UInt64,
    contributors UInt32,
    networks UInt32,
    networks_restricted UInt32,
    simulated UInt8,
    version UInt64
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (country, day, app, medium, source, basis)
{settings}, index_granularity = 1024;

-- How far each log was read.
CREATE TABLE IF NOT EXISTS {progress} (
    log String,
    position UInt64,
    version UInt64
) ENGINE = {replacing} ORDER BY log
{settings};

-- What still carries calls on a network, by day (queries.transports), counted again with the day.
CREATE TABLE IF NOT EXISTS {carry_day} (
    day Date,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    transport LowCardinality(String),
    reports UInt32,
    carried UInt32,
    version UInt64
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (country, network, day, app, medium, transport)
{settings}, index_granularity = 1024;

-- The last day of a month that decided anything of a network, app and medium (queries.latest).
CREATE TABLE IF NOT EXISTS {stream_month} (
    month UInt32,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    reports UInt64,
    day Date,
    restricted UInt32,
    ok UInt32,
    closed UInt32,
    impaired UInt32,
    contributors UInt32,
    simulated UInt8,
    version UInt64
) ENGINE = {replacing}
ORDER BY (country, medium, network, app, month)
{settings}, index_granularity = 1024;

-- What still carried calls on a network, by month (queries.transports).
CREATE TABLE IF NOT EXISTS {carry_month} (
    month UInt32,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    transport LowCardinality(String),
    reports UInt64,
    carried UInt64,
    last_day Date,
    version UInt64
) ENGINE = {replacing}
ORDER BY (country, network, app, medium, transport, month)
{settings}, index_granularity = 1024
