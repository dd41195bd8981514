"""Modules become one script: each once, after what it uses, in a scope of its own, and nothing is left out."""

from __future__ import annotations

import re

from talkpath.browser.web.page_files import ENTRIES, PAGE_FOLDER, bundle_scripts, entry_script

MODULES = {
    "a": 'import { one, Two } from "./b.js";\nimport { three } from "./c.js";\nsay(one + three);',
    "b": 'import { three } from "./c.js";\nconst own = 1;\nexport const one = own + three;\nexport class Two {}',
    "c": "const own = 2;\nexport function three() { return own; }\nexport async function four() {}",
}


def test_each_comes_once_and_after_what_it_uses():
    text = bundle_scripts("a", MODULES.__getitem__)
    assert re.findall(r"^const module_(\w+)", text, re.MULTILINE) == ["c", "b", "a"]
    assert "const { one, Two } = module_b;" in text
    assert re.findall(r"return \{ (.*) \};\n\}\)", text) == ["three, four", "one, Two", ""]
    assert text.count("const own") == 2


def test_the_pages_own_modules_are_all_in_it_and_nothing_of_their_syntax_is_left():
    bundles = [entry_script(entry) for entry in ENTRIES]
    assert not [found for text in bundles for found in re.findall(r"^(?:import|export)\b.*", text, re.MULTILINE)]
    beside = {"pacing_worker.js", "offline_worker.js"}  # those of workers
    for entry in PAGE_FOLDER.iterdir():
        if entry.name.endswith(".js") and entry.name not in beside:
            comment = entry.read_text(encoding="utf-8").splitlines()[0]
            assert max(text.count(comment) for text in bundles) == 1, entry.name
