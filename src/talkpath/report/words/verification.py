"""Whose word the parts of a bundle are, in sentences: what `talkpath verify` says, and a letter repeats."""

from __future__ import annotations

from typing import Any

from talkpath.report.printable import printable
from talkpath.report.words.language import say


def verification_lines(record: dict[str, Any]) -> list[str]:
    """What `verify` found, in the current language. `record` is its JSON object."""
    receipt, second = record["receipt"], record.get("second")
    lines = [
        say("verify", "Nothing in the bundle was changed since it was signed."),
        say("verify", "Signed with the key of this run, {key}.", key=record["key"]),
        # It may call itself anything: its name is quoted, and comes after the key.
        say("verify", "The program that wrote it calls itself “{name}”.", name=record["written_by"]),
    ]
    if record["kind"] == "capture":
        lines.append(say("verify", "A recording: all of it is the word of whoever made it."))
    elif record["kind"] == "endpoints":
        lines.append(
            say(
                "verify",
                "What an app's own servers, and routers on the way to them, answered: all of it is the word of the "
                "device that asked. No server signs for any of it.",
            )
        )
    elif record["kind"] == "paired":
        lines.append(_paired_words())
    elif receipt is None:
        lines.append(unsigned_words())
    else:
        lines += [_signed_by(receipt), _seen_from(receipt), probe_words(receipt["binds"])]
    if second:
        lines.append(
            say(
                "verify",
                "It holds the bundle of a second check, with another test server or over the other version of IP, "
                "signed with a key of its own, {key}.",
                key=second["key"],
            )
        )
    for signed in [second["receipt"]] if second else record.get("ends", ()):
        lines += [_signed_by(signed), _seen_from(signed)] if signed else [unsigned_words()]
    if record["simulated"]:
        lines.append(
            say(
                "verify",
                "SIMULATED: made by the lab, with keys that everybody has. It proves nothing of any real network.",
            )
        )
    return lines


def _paired_words() -> str:
    return say(
        "verify",
        "A call between two phones: what each end sent and received is its own word. In it are the bundles of the "
        "ends' own checks, as far as there are any.",
    )


def unsigned_words() -> str:
    """What a bundle is without a receipt."""
    return say("verify", "No test server signed what it saw: all of it is the word of whoever ran the check.")


def probe_words(binds: str) -> str:
    """What is the word of the device that measured, and since when it was bound: all of it, but of what the lab made
    the packets alone."""
    if binds == "all":
        return say(
            "verify",
            "What arrived at the probe, every delay, and the plan, the health and the times of the check are the "
            "probe's own word. It was given to the test server before the check ended, and is unchanged since.",
        )
    return say(
        "verify",
        "What arrived at the probe, and every delay, is the probe's own word. It was given to the test server "
        "before the check ended, and is unchanged since. The lab adds to the rest after a check: the plan, the "
        "health and the times of the check are the word of whoever wrote the bundle.",
    )


def _signed_by(receipt: dict[str, Any]) -> str:
    known = {"epochs": receipt["epochs"], "key": receipt["responder"]}
    if receipt["operator"]:
        return say(
            "verify",
            "A test server signed what came to it, what it sent, and which flows were calls, for {epochs} epochs. Its "
            "key is {key} (listed: {operator}).",
            operator=printable(receipt["operator"]),
            **known,
        )
    return say(
        "verify",
        "A test server signed what came to it, what it sent, and which flows were calls, for {epochs} epochs. Its key "
        "is {key} (unknown: it is in no list).",
        **known,
    )


def _seen_from(receipt: dict[str, Any]) -> str:
    country = say("verify", "an unknown country") if receipt["country"] == "ZZ" else receipt["country"]
    network = say("verify", "an unknown network") if receipt["network"] == "AS0" else receipt["network"]
    known = {
        "network": network,
        "country": country,
        "its_own": {
            "home": say("verify", "home"),
            "hosting": say("verify", "hosting"),
            "unknown": say("verify", "unknown"),
        }[receipt["class"]],
    }
    if receipt["ended_at"]:
        return say(
            "verify",
            "It saw the check come from {network} in {country}, in the hour of {hour}. Its own network: {its_own}.",
            hour=receipt["ended_at"],
            **known,
        )
    return say("verify", "It saw the check come from {network} in {country}. Its own network: {its_own}.", **known)
