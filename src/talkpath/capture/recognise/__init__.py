"""Recognises which app a datagram belongs to, by asking the app files about a sample of each flow.

app_files    the app files' recognisers, byte hints and wrappings
sampling     which datagrams they are asked about
evidence     what they answered, by flow and stream
app          hands them those datagrams, and marks flows whose media has no readable header
"""
